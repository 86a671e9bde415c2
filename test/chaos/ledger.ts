// What people asked for, VM by VM: the measure of what the operator may do to a guest.
export interface Possessions {
  readonly rules: Set<string>
  readonly aliases: Set<string>
  readonly sets: Set<string>
  readonly pools: Set<string>
  readonly backups: Set<string>
}

/** What somebody's request allows the operator to do to a guest. */
export interface Permission {
  readonly stop?: boolean
  readonly destroy?: boolean
  /** Absent: whatever may be stopped for the request may be started for it too. */
  readonly start?: boolean
  readonly make?: boolean
}

/** One object's account. It outlives the object: `uid` changes with the next one of the name. */
export interface Account {
  readonly name: string
  uid: string | undefined
  vmid: number | undefined
  /** Somebody asked for something that may switch the VM off, and the object has not come to rest since. */
  mayStop: boolean
  /** The same for the loss of the VM and its disks. */
  mayDestroy: boolean
  /** The same for a start, and for a clone into its VMID. */
  mayStart: boolean
  mayBeMade: boolean
  isSuspended: boolean
  /** Number of looks at the objects when the newest suspension, and the newest pause, was written. */
  suspendedAtLook: number
  pausedAtLook: number
  /** It was Ready once, so that its disks are somebody's. */
  wasReady: boolean
  /** An admin destroyed the guest by hand. */
  wasDestroyed: boolean
  /**
   * It ran when it was last at rest, or was off by a suspension, after which it starts; and nobody and nothing has switched it off since but what
   * the operator does for a change.
   */
  shouldRun: boolean
  /** When the operator last sent a start for it, in ms of performance.now(). */
  startSentMs: number
  /** When the operator sent its last deletion of the VM (performance.now). */
  destroySentMs: number
  /** Number of looks at the objects when its package was lost; undefined: it has one. */
  packageLostAtLook: number | undefined
  /** A reinstall was asked for meanwhile. */
  waitsForPackage: boolean
  isPaused: boolean
  /** runStrategy Always. */
  isAlwaysOn: boolean
  /** restartPolicy Manual: an edit does not stop it. */
  isManual: boolean
  /** An admin changed by hand what only a restart puts right: any edit may bring that about. */
  hasDrift: boolean
  isOrphan: boolean
  isDeleted: boolean
  /** Deleted with policy Terminate. */
  isTerminated: boolean
  /** What people hung on the guest by hand: comments of firewall rules, names of aliases and sets, volume IDs of backups. */
  readonly own: Possessions
  /** Names of its ProxmoxVMSnapshots and ProxmoxVMBackups. */
  readonly snapshots: string[]
  readonly copies: string[]
  /** An admin gave it to PVE's high availability. */
  isInHa: boolean
  /** When a person, a fault or a crash last touched it, by the clock of the oracle. */
  touchedAtMs: number
  /** Changes of the spec so far: a permission asked before the newest one does not end with an older rest. */
  asked: number
  /** What `asked` was when it was last seen at rest. */
  restedAsked: number | undefined
  /** Writes of people that are on their way. */
  writing: number
}

/** Of a command: whose it is, how often its VM had been asked for something then, when that was in ms of performance.now() and of the operator's clock. */
export interface Asked {
  readonly account: Account
  readonly asked: number
  readonly atMs: number
  readonly atClockMs: number
}

const opened = (name: string): Account => ({
  name,
  uid: undefined,
  vmid: undefined,
  mayStop: false,
  mayDestroy: false,
  mayStart: true,
  mayBeMade: true,
  isSuspended: false,
  suspendedAtLook: 0,
  pausedAtLook: 0,
  wasReady: false,
  wasDestroyed: false,
  shouldRun: false,
  startSentMs: 0,
  destroySentMs: 0,
  packageLostAtLook: undefined,
  waitsForPackage: false,
  isPaused: false,
  isAlwaysOn: false,
  isManual: false,
  hasDrift: false,
  isOrphan: false,
  isDeleted: false,
  isTerminated: false,
  own: { rules: new Set(), aliases: new Set(), sets: new Set(), pools: new Set(), backups: new Set() },
  snapshots: [],
  copies: [],
  isInHa: false,
  touchedAtMs: 0,
  asked: 0,
  restedAsked: undefined,
  writing: 0,
})

/** Somebody deletes the guest: what people hung on it goes along, but for its backups. */
export function loseHung({ own }: Account): void {
  for (const kind of ['rules', 'aliases', 'sets', 'pools'] as const) own[kind].clear()
}

/** So many looks of the oracle at the objects, each some requests to the API server: then an operator on the same machine knows as well. */
const looksToKnow = 8

export class Ledger {
  /** Looks at the objects so far. */
  looks = 0
  readonly #accounts = new Map<string, Account>()
  /** Uids of objects that went with policy Orphan: their guests and addresses stay. */
  readonly orphans = new Set<string>()
  readonly commands = new Map<string, Asked>()
  /** Name → when the newest creation of it has its answer. */
  readonly births = new Map<string, Promise<unknown>>()
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
  ask(account: Account, may: Permission): void {
    account.asked += 1
    if (may.stop || may.destroy) account.mayStop = true
    if (may.destroy) account.mayDestroy = true
    if (may.start ?? (may.stop || may.destroy)) account.mayStart = true
    if (may.make || may.destroy) account.mayBeMade = true
    this.touched(account)
  }

  /** An operator must know by now what was so at that look. */
  isKnownSince = (look: number): boolean => this.looks - look >= looksToKnow

  all = (): Account[] => [...this.#byUid.values()]
}
