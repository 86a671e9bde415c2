import { isBareGuest } from './bare-guest.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { judge } from '../proxmox/failures.ts'
import { presenceOf } from '../proxmox/presence.ts'
import type { GuestRow } from '../proxmox/listing.ts'
import type { Reason } from '../api/reasons.ts'
import { type Obstacle, stalled, wait } from '../ladder/outcome.ts'
import { afterWrite, ipfilterSet } from '../steps/set-firewall.ts'
import type { ListedRule, StatusCurrent } from '../proxmox/answers.ts'
import type { ConfigSeen, FirewallSeen, ForeignFirewall, Part, Seen, SeenRule } from '../ladder/machine.ts'
import type { FirewallWrite } from '../ladder/guest-writer.ts'
import { readForeignFirewall } from './foreign-firewall.ts'
import { carriesMark } from '../ladder/mark.ts'
import type { ProcessSeen } from '../want/cold-start.ts'

/** What the look before a start showed: a start changes nothing but the power. Enough to conclude on, never to act on. */
export interface Carried {
  readonly config: ConfigSeen
  readonly firewall: FirewallSeen
}

/** One thing just read: the power, or the lock (undefined: there is none). */
export type LookedAt = { readonly power: 'running' | 'stopped' } | { readonly lock: string | undefined }

/** What one VM looks like, read part by part on demand, each at most once until a write makes it stale. */
export class Look {
  readonly #cluster: PveCluster
  readonly #vmid: number
  readonly #mark: string
  readonly #row: GuestRow | undefined
  readonly #proofSinceMs: number
  readonly #isCarried: boolean
  #isPowerListed: boolean
  readonly #wantsForeign: boolean
  readonly #isOurs: boolean
  readonly #takesBare: boolean
  #node: string | undefined
  #guest: Seen['guest'] = 'unproved'
  #doubt = 'the operator has not read it yet'
  #doubtReason: Reason = 'Unreachable'
  /** It is not this VM's turn to be asked for. */
  #isPaced = false
  #config: ConfigSeen | undefined
  #firewall: FirewallSeen | undefined
  #foreignFirewall: ForeignFirewall | undefined
  #power: Seen['power']
  #current: StatusCurrent | undefined
  readonly #onLook: (seen: LookedAt) => void
  readonly #pveNowMs: (() => number) | undefined
  #process: ProcessSeen | undefined

  /**
   * `expectedNode`: where to look if the listing does not show the VM, because a task of ours has just ended there.
   * `proofSinceMs`: a listing that began earlier proves no absence.
   */
  constructor(o: {
    cluster: PveCluster
    vmid: number
    mark: string
    expectedNode?: string
    proofSinceMs: number
    presumedPower?: Seen['power']
    /** As the listing has it, which is up to 20 s old: enough to see that nothing is to be done. */
    listedPower?: Seen['power']
    carried?: Carried
    /** Told what was read of lock and power, the moment it was. */
    onLook?: (seen: LookedAt) => void
    /** People's own firewall entries are to be put back, so they are read. */
    wantsForeign?: boolean
    /** PVE's clock, for whoever asks since when the VM runs. */
    pveNowMs?: () => number
    /** The guest under this VMID is ours whatever its mark says (isOursByRestore). */
    isOurs?: boolean
    /** A guest without anything under this VMID was left there by us (status.template.isLeft). */
    takesBare?: boolean
  }) {
    this.#cluster = o.cluster
    this.#vmid = o.vmid
    this.#mark = o.mark
    this.#row = o.cluster.inventory.current()?.guests.get(o.vmid)
    this.#node = this.#row?.node ?? o.expectedNode
    this.#proofSinceMs = o.proofSinceMs
    this.#power = o.presumedPower ?? o.listedPower
    this.#isPowerListed = o.listedPower !== undefined
    this.#isCarried = o.carried !== undefined
    this.#wantsForeign = o.wantsForeign === true
    this.#onLook = o.onLook ?? (() => undefined)
    this.#pveNowMs = o.pveNowMs
    this.#isOurs = o.isOurs === true
    this.#takesBare = o.takesBare === true
    if (o.carried) {
      this.#guest = 'ours'
      this.#config = o.carried.config
      this.#firewall = o.carried.firewall
    }
  }

  get at() {
    return { node: this.#node ?? '', vmid: this.#vmid }
  }

  /** Nobody has looked since the start was asked for, which may be long ago. */
  get isCarried(): boolean {
    return this.#isCarried
  }

  /** Nobody has asked the guest: its power is read before anything is done. */
  get isPowerListed(): boolean {
    return this.#isPowerListed
  }

  /** The process of the VM as it was read with its power; undefined: not read, and a presumed power has none. */
  get process(): ProcessSeen | undefined {
    return this.#process
  }

  /** Why absence is not proved. */
  get doubt(): string {
    return this.#doubt
  }

  /** What to do while absence is not proved; `sentence` begins the message. */
  unproved(sentence: string): Obstacle {
    const told = `${sentence}: ${this.#doubt}.`
    if (this.#isPaced) return wait(this.#doubtReason, told, Math.min(60_000, this.#cluster.doubt.missing.length * 500))
    return this.#doubtReason === 'ListingDoubtful' ? stalled(this.#doubtReason, told) : wait(this.#doubtReason, told, 10_000)
  }

  get seen(): Seen {
    const lock = this.#config ? this.#config.values.lock : this.#row?.lock
    return {
      guest: this.#guest,
      ...(this.#node && { node: this.#node }),
      ...(lock && { lock }),
      ...(this.#config && { config: this.#config }),
      ...(this.#firewall && { firewall: this.#firewall }),
      ...(this.#foreignFirewall && { foreignFirewall: this.#foreignFirewall }),
      ...(this.#power && { power: this.#power }),
      ...(this.#current && { isHaManaged: this.#current.haManaged }),
      ...(this.#current?.haState && { haState: this.#current.haState }),
    }
  }

  async need(part: Part): Promise<void> {
    if (part === 'presence') await this.#findGuest()
    if (part === 'config') this.#config ??= await this.#readConfig()
    if (part === 'firewall') this.#firewall ??= await this.#readFirewall()
    if (part === 'foreign-firewall' && this.#wantsForeign) await this.#readForeign()
    if (part === 'power') await this.#readPower()
  }

  async #readForeign(): Promise<void> {
    this.#firewall ??= await this.#readFirewall()
    this.#foreignFirewall ??= await readForeignFirewall(this.#cluster.pve.firewall(this.at), this.#firewall)
  }

  async #readPower(): Promise<void> {
    if (this.#power) return
    const { node } = this.at
    this.#current = await this.#cluster.pve.statusCurrent(this.at)
    const { status, lock, pid, uptimeSeconds } = this.#current
    this.#power = status
    const startedMs = status === 'running' ? (this.#pveNowMs?.() ?? 0) - uptimeSeconds * 1000 : 0
    this.#process = { node, power: status, ...(lock && { lock }), ...(pid !== undefined && { pid }), startedMs }
    this.#onLook({ power: status })
  }

  /** What the guest itself said of its power, if it was asked in this look. */
  get current(): StatusCurrent | undefined {
    return this.#current
  }

  configWritten() {
    this.#config = undefined
  }

  firewallWritten(write: FirewallWrite) {
    if (this.#firewall) this.#firewall = afterWrite(this.#firewall, write)
  }

  firewallStale() {
    this.#firewall = undefined
    this.#foreignFirewall = undefined
  }

  powerAsked() {
    this.#power = undefined
    this.#isPowerListed = false
    this.#current = undefined
    this.#process = undefined
  }

  async #findGuest(): Promise<void> {
    if (this.#guest === 'ours') return
    if (!this.#row && !this.#mayAsk()) return
    if (this.#row && this.#row.kind !== 'qemu') this.#guest = 'foreign'
    else if (!this.#node || !(await this.#judgeThere())) await this.#judgeAnywhere()
  }

  /** False: not on that node, which says nothing about the cluster. */
  async #judgeThere(): Promise<boolean> {
    try {
      this.#config = await this.#readConfig()
    } catch (fault) {
      const { kind } = judge(fault)
      // A token with rights through a PVE pool is refused as soon as the guest has left the pool, as one does that is gone.
      if (kind === 'absent' || (kind === 'denied' && !this.#row)) return false
      throw fault
    }
    // The listing may be older than the end of the clone, so its lock is not asked. The mark is not judged under lock `clone`: the description is written at the very end (qemu-server clone_vm).
    const { lock, description } = this.#config.values
    const isOurs = this.#isOurs || (this.#takesBare && !lock && isBareGuest(this.#config.values))
    this.#guest = lock === 'clone' ? 'copying' : isOurs || carriesMark(description, this.#mark) ? 'ours' : 'foreign'
    if (this.#guest === 'ours') this.#onLook({ lock })
    return true
  }

  /** While many VMs are missing from the listing at once, each is asked for in its turn. */
  #mayAsk(): boolean {
    const { doubt } = this.#cluster
    if (doubt.mayAsk()) return true
    this.#isPaced = true
    this.#doubt = doubt.sentence
    this.#doubtReason = 'ListingDoubtful'
    return false
  }

  async #judgeAnywhere(): Promise<void> {
    const presence = await presenceOf(this.#cluster, this.#vmid, this.#proofSinceMs)
    if (presence.is === 'absent') this.#guest = 'absent'
    if (presence.is === 'unknown') {
      this.#doubt = presence.why
      this.#doubtReason = presence.reason
    }
    if (presence.is !== 'present') return
    this.#node = presence.node
    if (await this.#judgeThere()) return
    this.#doubt = `the VM has just left node ${presence.node}`
  }

  /** `pending` shows at once what will be in force after a cold start, what is not yet, and the digest. */
  async #readConfig(): Promise<ConfigSeen> {
    const items = await this.#cluster.pve.pending(this.at)
    const values: Record<string, string> = {}
    const pending: string[] = []
    const inForce: Record<string, string> = {}
    for (const { key, value, pending: next, removal } of items) {
      if (next !== undefined || removal) pending.push(key)
      if (next !== undefined && value !== undefined) inForce[key] = value
      const final = removal ? undefined : (next ?? value)
      if (final !== undefined) values[key] = final
    }
    return { values, digest: values.digest ?? '', pending, inForce }
  }

  async #readFirewall(): Promise<FirewallSeen> {
    const firewall = this.#cluster.pve.firewall(this.at)
    const options = await firewall.options()
    const { rules, digest } = await firewall.rules()
    const sets = await firewall.ipsets()
    const ipfilter = sets.some(({ name }) => name === ipfilterSet)
      ? (await firewall.ipset(ipfilterSet)).map((entry) => entry.cidr)
      : undefined
    return {
      options: Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)])),
      rules: rules.map(seenRule),
      ...(digest && { rulesDigest: digest }),
      ...(ipfilter && { ipfilter }),
    }
  }
}

export function seenRule({ pos, ...rule }: ListedRule): SeenRule {
  const fields = Object.entries(rule).map(([key, value]) => [key, typeof value === 'boolean' ? (value ? '1' : '0') : value] as const)
  return { pos, fields: Object.fromEntries(fields) }
}
