// Bugs to try the oracle on: one of each kind that the operator once had, as an edit of one file in a copy of the sources.
import type { Invariant } from './invariants/verdicts.ts'

export interface PlantedBug {
  readonly kind: string
  readonly what: string
  readonly file: string
  /** Must stand in the file exactly once. */
  readonly from: string
  readonly to: string
  /** One of these should name it. */
  readonly expected: readonly Invariant[]
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    kind: 'A',
    what: 'a clone request whose answer was lost is forgotten, and another VMID taken',
    file: 'src/engine/create/clone.ts',
    from: '  const isStillPossible = lost.some((request) => ageMs(request, { deps, cluster, memory }) < silentWindowMs)\n  if (!mayBegin',
    to: "  const isStillPossible = false\n  if (lost.length > 0) return chooseAgain(climb, 'planted', 0)\n  if (!mayBegin",
    expected: ['oneVM', 'nothingLeft', 'oneGuest'],
  },
  {
    kind: 'B',
    what: 'a reinstall destroys before it knows that the new VM can be made',
    file: 'src/engine/remove/reinstall.ts',
    from: '    if (hindrance) return replaceable(hindrance)\n',
    to: '    if (hindrance) replaceable(hindrance)\n',
    expected: ['noLossUnasked'],
  },
  {
    kind: 'C',
    what: 'a deletion gives the addresses back before the VM is gone',
    file: 'src/engine/remove/teardown.ts',
    from: '  if (isMade && !status.terminatedAt) {\n',
    to: '  await giveBack(pass)\n  if (isMade && !status.terminatedAt) {\n',
    expected: ['noFreeAddress', 'oneGuest'],
  },
  {
    kind: 'D',
    what: 'a disk that has its size is resized again and again',
    file: 'src/steps/system-disk.ts',
    from: '(hasMiB >= wantedMiB && hasMiB',
    to: '(hasMiB > wantedMiB && hasMiB',
    expected: ['noHaste'],
  },
  {
    kind: 'E',
    what: 'a suspension waits for whatever else is under way',
    file: 'src/vm-controller.ts',
    from: '      const held = await holdOff({ deps, key, draft, memory }, cluster)\n',
    to: '      const held = undefined as Awaited<ReturnType<typeof holdOff>>\n',
    expected: ['suspendedIsOff'],
  },
  {
    kind: 'F',
    what: 'a command says Succeeded although its task failed',
    file: 'src/commands/power-buttons.ts',
    from: "  const isDone = end.is === 'ok' ||",
    to: "  const isDone = end.is === 'ok' || end.is === 'failed' ||",
    expected: ['commandsAreTrue'],
  },
  {
    kind: 'G',
    what: 'a reinstall does not put back firewall rules that are not ours',
    file: 'src/lifecycle.ts',
    from: '  putBackFirewall,\n  setFirewall,',
    to: '  setFirewall,',
    expected: ['possessionsStay'],
  },
]
