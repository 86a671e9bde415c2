// The invariants by name, and what broke them.
export const invariants = {
  oneVM: 'one VM an object: no two guests carry the mark of one uid',
  oneGuest: 'one guest an address: no two guests have the same address or MAC',
  noFreeAddress: 'no address is free or given while a guest has it',
  foreignUntouched: 'no foreign VM, template, backup or backup job is changed',
  noStopUnasked: 'no VM is stopped that nobody asked to stop',
  noLossUnasked: 'no VM or disk goes that nobody asked to destroy',
  noStartUnasked: 'no VM is started that nobody asked to start',
  runsAgain: 'a VM that was switched off for a change, a reinstall or a suspension runs again after it',
  noBirthUnasked: 'a VM that was ready and no longer exists is not made again by itself',
  suspendedIsOff: 'a suspended VM is off within its shutdownTimeout and stays off',
  noHaste: 'at most 60 requests a VM over 60 s while nothing changes, and none of them repeated without pauses',
  noChatter: 'at most 40 writes of one object at the API server over 60 s while nothing changes',
  pausedIsLeft: 'a paused VM is not changed',
  commandsAreTrue: 'a command that says Succeeded has done what it says',
  possessionsStay: 'what people hung on a VM stays: firewall entries, backups, its place in backup jobs and in HA',
  readyIsTrue: 'a VM that says Ready is as its spec says',
  noneForgotten: 'no VM of ours is left in PVE whose object is gone',
  rest: 'everything comes to rest once nothing goes wrong any more',
  nothingLeft: 'nothing is left behind when all is deleted',
} as const
export type Invariant = keyof typeof invariants

export interface Violation {
  readonly invariant: Invariant
  readonly text: string
}

/** Each is kept once. */
export class Verdicts {
  readonly found: Violation[] = []
  readonly #seen = new Set<string>()
  readonly #tell: (line: string) => void

  constructor(tell: (line: string) => void) {
    this.#tell = tell
  }

  broken(invariant: Invariant, subject: string | number, text: string): void {
    const key = `${invariant} ${subject}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.found.push({ invariant, text })
    this.#tell(`  BROKEN ${invariant}: ${text}`)
  }
}
