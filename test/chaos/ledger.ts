// What people asked for, VM by VM: the measure of what the operator may do to a guest.
/** One object's account. It outlives the object: `uid` changes with the next one of the name. */
export interface Account {
  readonly name: string
  uid: string | undefined
  vmid: number | undefined
  /** Somebody asked for something that may switch the VM off, and the object has not come to rest since. */
  mayStop: boolean
  /** The same for the loss of the VM and its disks. */
  mayDestroy: boolean
  isSuspended: boolean
  /** It was Ready once, so that its disks are somebody's. */
  wasReady: boolean
  /** An admin destroyed the guest by hand. */
  wasDestroyed: boolean
  isPaused: boolean
  isOrphan: boolean
  isDeleted: boolean
  /** Comment of the firewall rule that an admin added by hand. */
  ownRule: string | undefined
  /** When a person, a fault or a crash last touched it, by the clock of the oracle. */
  touchedAtMs: number
  /** Changes of the spec so far: a permission asked before the newest one does not end with an older rest. */
  asked: number
  /** Writes of people that are on their way. */
  writing: number
}

const opened = (name: string): Account => ({
  name,
  uid: undefined,
  vmid: undefined,
  mayStop: false,
  mayDestroy: false,
  isSuspended: false,
  wasReady: false,
  wasDestroyed: false,
  isPaused: false,
  isOrphan: false,
  isDeleted: false,
  ownRule: undefined,
  touchedAtMs: 0,
  asked: 0,
  writing: 0,
})

export class Ledger {
  readonly #accounts = new Map<string, Account>()
  /** Uids of objects that went with policy Orphan: their guests and addresses stay. */
  readonly orphans = new Set<string>()
  /** Command → how often its VM had been asked for something, and when, once it was written. */
  readonly commands = new Map<string, { asked: number; atMs: number }>()
  /** Every uid that was ever ours → its account. */
  readonly #byUid = new Map<string, Account>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  of(name: string): Account {
    const known = this.#accounts.get(name)
    if (known) return known
    const fresh = opened(name)
    this.#accounts.set(name, fresh)
    return fresh
  }

  /** A new object of that name. */
  born(name: string, uid: string): Account {
    const account = { ...opened(name), uid, touchedAtMs: this.#now() }
    this.#accounts.set(name, account)
    this.#byUid.set(uid, account)
    return account
  }

  ofUid = (uid: string): Account | undefined => this.#byUid.get(uid)

  ofVmid = (vmid: number): Account | undefined => [...this.#byUid.values()].findLast((account) => account.vmid === vmid)

  touched(account: Account): void {
    account.touchedAtMs = this.#now()
  }

  touchedAll(): void {
    for (const account of this.#byUid.values()) account.touchedAtMs = this.#now()
  }

  /** Somebody asks: noted before the request leaves. */
  ask(account: Account, may: { stop?: boolean; destroy?: boolean }): void {
    account.asked += 1
    if (may.stop || may.destroy) account.mayStop = true
    if (may.destroy) account.mayDestroy = true
    this.touched(account)
  }

  all = (): Account[] => [...this.#byUid.values()]
}
