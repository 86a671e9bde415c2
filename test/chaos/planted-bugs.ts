// Bugs to try the oracle on, as edits of a copy of the sources: of each kind that the operator once had, and of others that would be as bad.
import type { Invariant } from './invariants/verdicts.ts'

export interface Edit {
  readonly file: string
  /** Must stand in the file exactly once. */
  readonly from: string
  readonly to: string
}

export interface PlantedBug extends Edit {
  /** The row of issue 12, or another letter. */
  readonly kind: string
  readonly what: string
  readonly also?: readonly Edit[]
  /** One of these should name it. */
  readonly expected: readonly Invariant[]
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    kind: 'A',
    what: 'a clone request whose answer was lost is forgotten, and another VMID taken',
    file: 'src/engine/create/pending-requests.ts',
    from: '  if (!mayBegin && !isStillPossible) return undefined\n',
    to: "  if (lost.length > 0) return giveUpNumber(climb, 'planted', 0)\n  if (!mayBegin && !isStillPossible) return undefined\n",
    also: [
      {
        file: 'src/engine/create/pending-requests.ts',
        from: "import { chooseAgain } from './choose-again.ts'",
        to: "import { chooseAgain, giveUpNumber } from './choose-again.ts'",
      },
    ],
    expected: ['oneVM', 'nothingLeft', 'oneGuest', 'noneForgotten'],
  },
  {
    kind: 'A',
    what: 'an object is let go while its clone may still begin',
    file: 'src/engine/create/late-clones.ts',
    from: '  if (!isAnyOpen) return done\n',
    to: '  if (!isAnyOpen || pass) return done\n',
    expected: ['noneForgotten', 'nothingLeft', 'noFreeAddress'],
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
    kind: 'C',
    what: 'a step of a removal that failed is tried again at once',
    file: 'src/engine/remove/removal-receipt.ts',
    from: 'const pauses = [2, 4, 8, 16, 30] as const',
    to: 'const pauses = [0.1] as const',
    expected: ['noHaste'],
  },
  {
    kind: 'C',
    what: 'a deletion whose task failed counts as done',
    file: 'src/engine/remove/removal-receipt.ts',
    from: "    if (step.name !== 'delete_backups' || !mayPassOver)",
    to: "    if (step.name === 'remove') return { is: 'gone' }\n    if (step.name !== 'delete_backups' || !mayPassOver)",
    expected: ['noneForgotten', 'noFreeAddress', 'nothingLeft'],
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
    kind: 'D',
    what: 'a request whose effect does not show is repeated at once',
    file: 'src/engine/apply/repeats.ts',
    from: '  return times === 0 ? undefined : pauseAfter(',
    to: '  return times >= 0 ? undefined : pauseAfter(',
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
    kind: 'E',
    what: 'a Start is carried out although the VM was suspended meanwhile',
    file: 'src/commands/preconditions.ts',
    from: '      if (isSuspended(vm)) return refuse(suspendedSentence(vm))\n',
    to: '',
    also: [{ file: 'src/commands/expiry.ts', from: "name === 'Start' && isSuspended(draft.vm)", to: 'false' }],
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
    kind: 'F',
    what: 'a Reboot has succeeded when the guest is down',
    file: 'src/commands/reboot.ts',
    from: "  if (status === 'running' && uptimeSeconds <= elapsedSeconds + slackSeconds) return { is: 'succeeded' }",
    to: "  if (status) return { is: 'succeeded' }",
    expected: ['commandsAreTrue'],
  },
  {
    kind: 'F',
    what: 'a Stop during a change of package is undone by it',
    file: 'src/commands/stop-in-change.ts',
    from: '      ...(status.change && { change: withoutStart(status.change) }),\n',
    to: '',
    expected: ['noStartUnasked'],
  },
  {
    kind: 'G',
    what: 'a reinstall does not put back firewall entries that are not ours',
    file: 'src/lifecycle.ts',
    from: '  putBackFirewall,\n  setFirewall,',
    to: '  setFirewall,',
    expected: ['possessionsStay'],
  },
  {
    kind: 'G',
    what: 'a reinstall takes the VM out of backup jobs and HA',
    file: 'src/lifecycle.ts',
    from: 'clear: [unprotected, notInHa, notReplicated, cutPower, destroyVM({ purge: false',
    to: 'clear: [unprotected, notReplicated, cutPower, destroyVM({ purge: true',
    expected: ['possessionsStay'],
  },
  {
    kind: 'G',
    what: 'a termination deletes backups that are older than the VM',
    file: 'src/engine/remove/backups.ts',
    from: 'backups.filter((file) => isBackupOf(file, { uids, sinceSeconds }))',
    to: 'backups',
    expected: ['foreignUntouched'],
  },
  {
    kind: 'G',
    what: 'foreign firewall rules are deleted as surplus',
    file: 'src/steps/set-firewall.ts',
    from: 'ruleName(seen.fields.comment) !== undefined && !keep.has(seen.pos)',
    to: '!keep.has(seen.pos)',
    expected: ['possessionsStay'],
  },
  {
    kind: 'H',
    what: 'any guest under the VMID counts as ours, whatever its mark',
    file: 'src/engine/look.ts',
    from: 'isOurs || carriesMark(description, this.#mark) ?',
    to: 'this.#vmid > 0 || isOurs ?',
    expected: ['foreignUntouched'],
  },
  {
    kind: 'H',
    what: 'a VM that was ready and is gone is cloned again by itself',
    file: 'src/engine/create/clone.ts',
    from: '  if (!isBirth(status) || status.restore?.running !== undefined) {',
    to: '  if (status.restore?.running !== undefined) {',
    expected: ['noBirthUnasked'],
  },
  {
    kind: 'H',
    what: 'an object is let go without its VM being taken down',
    file: 'src/engine/remove/teardown.ts',
    from: '  if (isMade && !status.terminatedAt) {\n',
    to: '  if (isMade && !status.terminatedAt && !draft.vm.spec.suspensions) {\n',
    expected: ['noneForgotten', 'noFreeAddress', 'nothingLeft'],
  },
  {
    kind: 'I',
    what: 'an address that leaves the spec is free while the guest still has it',
    file: 'src/engine/releasing.ts',
    from: '  const free = leaving.filter((address) => !releasing.includes(address) && !standing.includes(address))\n',
    to: '  const free = leaving\n',
    expected: ['noFreeAddress', 'oneGuest'],
  },
  {
    kind: 'I',
    what: 'the addresses of an orphan are free',
    file: 'src/engine/remove/teardown.ts',
    from: "{ outcome: 'orphan' }",
    to: "{ outcome: 'free' }",
    expected: ['noFreeAddress', 'oneGuest'],
  },
  {
    kind: 'J',
    what: 'a paused VM is worked on',
    file: 'src/vm-controller.ts',
    from: '    if (isPaused(vm) && !vm.metadata.deletionTimestamp) return',
    to: '    if (false as boolean) return',
    also: [
      {
        file: 'src/vm-controller.ts',
        from: "    if (isPaused(vm)) {\n      await refuseCommands(deps, key, 'The VM is being deleted.')\n      return done\n    }\n",
        to: '',
      },
    ],
    expected: ['pausedIsLeft'],
  },
  {
    kind: 'J',
    what: 'drift that needs a stop is repaired by stopping the VM',
    file: 'src/want/want.ts',
    from: '    mayStop: isByCommand ||',
    to: '    mayStop: true || isByCommand ||',
    expected: ['noStopUnasked'],
  },
  {
    kind: 'J',
    what: 'a VM under Once that was switched off is started again',
    file: 'src/want/want.ts',
    from: "  return status.firstStartedAt ? 'left-alone' : 'started-once'",
    to: "  return 'running'",
    expected: ['noStartUnasked'],
  },
  {
    kind: 'J',
    what: 'a VM that was switched off for a change stays off',
    file: 'src/want/want.ts',
    from: "  if (status.change?.wasRunning || status.change?.start) return 'running'\n",
    to: '',
    expected: ['runsAgain'],
  },
  {
    kind: 'J',
    what: 'Ready is said before the firewall is set',
    file: 'src/lifecycle.ts',
    from: '  setFirewall,\n  setCloudInit,',
    to: '  setCloudInit,',
    expected: ['readyIsTrue'],
  },
  {
    kind: 'E',
    what: 'a change of package restarts a VM under restartPolicy Manual',
    file: 'src/want/want.ts',
    from: "spec.restartPolicy !== 'Manual')",
    to: 'spec.restartPolicy)',
    expected: ['noStopUnasked'],
  },
  {
    kind: 'F',
    what: "a power button fails at once on PVE's own lock",
    file: 'src/commands/own-lock.ts',
    from: 'const lockPatienceMs = 40_000',
    to: 'const lockPatienceMs = 0',
    expected: ['commandsAreTrue'],
  },
  {
    kind: 'K',
    what: 'the status of a VM that waits for a person is written ten times a second',
    file: 'src/engine/after-pass.ts',
    from: "      return { is: 'after', ms: stalledMs }",
    to: "      return { is: 'after', ms: 100 }",
    also: [
      {
        file: 'src/engine/after-pass.ts',
        from: 'asked.has(outcome.reason) ? {} : { lastError: outcome.message.slice(0, 1024) })',
        to: '{ attempts: (pass.draft.status.step?.attempts ?? 0) + 1, lastError: outcome.message.slice(0, 1024) })',
      },
    ],
    expected: ['noChatter'],
  },
  {
    kind: 'K',
    what: 'pauses are counted by a clock that somebody may set',
    file: 'src/engine/apply/repeats.ts',
    from: 'pauseAfter({ times, lastMs }, sentence, sender.deps.clock.monotonicMs())',
    to: 'pauseAfter({ times, lastMs }, sentence, sender.deps.clock.now())',
    expected: ['noHaste', 'rest'],
  },
  {
    kind: 'E',
    what: 'a VM stays off when its last suspension is removed',
    file: 'src/want/want.ts',
    from: " || isBeingUnsuspended(vm, status)) return 'running'",
    to: " || isBeingUnsuspended(vm, { ...status, conditions: [] })) return 'running'",
    expected: ['runsAgain'],
  },
]
