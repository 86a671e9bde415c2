import { Access } from '../access/access.ts'
import { Consoles } from '../console/session.ts'
import type { BackupJob } from '../backup/jobs.ts'
import { copyFirewall, emptyFirewall, type FirewallFile } from '../firewall/file.ts'
import { isDriveKey, parseDrive, volumeOf } from '../guests/drive.ts'
import { Guest } from '../guests/guest.ts'
import { HaState } from '../ha/state.ts'
import type { Upload } from '../http/upload.ts'
import { parseSizeBytes } from '../guests/size.ts'
import { StorageTable } from '../storage/table.ts'
import { TaskTable } from '../tasks/table.ts'
import { SimClock } from './clock.ts'
import { Flocks } from './flock.ts'
import { type Published, publish } from './published.ts'
import { TrafficHistory } from './traffic-history.ts'
import { Random } from './random.ts'
import { Slots } from './slots.ts'
import type { NodeSpec, WorldSpec } from './spec.ts'

/** What an administrator set on one node. */
export interface NodeSettings {
  timezone: string
  search: string
  servers: string[]
  /** The node's own config file. */
  config: Record<string, string>
}

export interface Node extends NodeSpec {
  online: boolean
  /** False: it runs, but beyond a broken network. */
  reachable: boolean
  /** Its last broadcast, in milliseconds of the clock. */
  saidAtMs: number
  /** False: the API daemon behind the proxy is stopped. */
  pvedaemon: boolean
  /** False: nothing new is broadcast about the node, its guests and storages. */
  pvestatd: boolean
  bootMs: number
  /** The three worker processes of pvedaemon. */
  slots: Slots
  /** SHA-256 of its certificate, `AA:BB:…`. */
  fingerprint: string
  /** PEM of its certificate. */
  certificate: string
}

/** Whether the answering node can talk to this one. */
export function isUp(node: Node): boolean {
  return node.online && node.reachable
}

/** The whole state of one simulated cluster. A reset makes a new one. */
export class World {
  readonly spec: WorldSpec
  readonly clock: SimClock
  readonly random: Random
  readonly flocks: Flocks
  readonly nodes = new Map<string, Node>()
  readonly guests = new Map<number, Guest>()
  readonly storage: StorageTable
  readonly tasks: TaskTable
  readonly access: Access
  readonly ha: HaState
  readonly consoles = new Consoles()
  /** Section files that are only kept: kind → id → options. */
  readonly sections = new Map<string, Map<string, Record<string, unknown>>>()
  readonly #nodeSettings = new Map<string, NodeSettings>()
  readonly #lostGuests = new Map<number, Guest>()
  /** PEM of /etc/pve/pve-root-ca.pem. */
  rootCa = ''
  /** Firewall files by VMID, `cluster` or `node/NAME`; a file does not need its guest. */
  readonly firewall = new Map<number | string, FirewallFile>()
  /** Files that were uploaded and wait for their task, by their temporary names. */
  readonly uploads = new Map<string, Upload>()
  /** Backup jobs by id, in the order of jobs.cfg. */
  readonly backupJobs = new Map<string, BackupJob>()
  /** datacenter.cfg. */
  readonly datacenter: Map<string, string>
  /** What pvestatd said last about each VMID. */
  readonly published = new Map<number, Published>()
  readonly traffic = new TrafficHistory()
  /** False: no quorum; reads go on, writes are refused. */
  quorate = true
  /** So long after each stop `qm cleanup` asks for the guest's file lock; undefined: it is never in the way. */
  cleanupMs: number | undefined
  lastTickMs: number
  /** Drops one call that is under way; a world that ends drops them all. */
  readonly inFlight = new Set<() => void>()

  constructor(spec: WorldSpec, speed = 1) {
    this.spec = spec
    this.clock = new SimClock(speed)
    this.random = new Random(spec.seed ?? 1)
    this.flocks = new Flocks(this.clock)
    this.storage = new StorageTable(spec.storages, () => this.clock.now())
    this.tasks = new TaskTable(this.clock, this.random, this.flocks)
    this.access = new Access(spec)
    this.ha = new HaState(spec.ha, spec.clusterName !== undefined)
    this.datacenter = new Map(Object.entries(spec.datacenter))
    for (const node of spec.nodes) {
      const bootMs = this.clock.now() - 86_400_000
      this.nodes.set(node.name, {
        ...node,
        online: node.online ?? true,
        reachable: true,
        saidAtMs: this.clock.now(),
        pvedaemon: true,
        pvestatd: true,
        bootMs,
        slots: new Slots(3),
        fingerprint: '',
        certificate: '',
      })
    }
    for (const volume of spec.volumes) this.storage.addFromSpec(volume)
    for (const guest of spec.guests) this.#addGuest(guest)
    if (spec.firewallOptions) this.firewall.set('cluster', { ...emptyFirewall(), options: { ...spec.firewallOptions } })
    this.cleanupMs = spec.durations.cleanupMs
    this.lastTickMs = this.clock.now()
    this.publishAll()
    for (const r of spec.remembered ?? [])
      this.published.set(r.vmid, {
        ...r,
        atMs: this.lastTickMs,
        status: 'stopped',
        template: false,
        maxcpu: 1,
        sinceMs: undefined,
        netIn: 0,
        netOut: 0,
      })
    this.#tickLater(spec.firstTickMs)
  }

  /** PVE 9 or newer; 8.4 differs in a few answers. */
  get isNine(): boolean {
    return Number.parseInt(this.spec.version.release, 10) >= 9
  }

  get firstNode(): Node {
    return [...this.nodes.values()][0] as Node
  }

  nodeSettings(node: string): NodeSettings {
    const known = this.#nodeSettings.get(node)
    if (known) return known
    const { search = 'sim.local', nameservers = [] } = this.spec.resolver ?? {}
    const fresh = { timezone: 'UTC', search, servers: [...nameservers], config: {} }
    this.#nodeSettings.set(node, fresh)
    return fresh
  }

  /** Powers a node off or on: its tasks die without a last word, its guests stop, what was locked stays locked. */
  setNodeOnline(name: string, online: boolean): void {
    const node = this.nodes.get(name)
    if (!node || node.online === online) return
    node.online = online
    if (online) node.bootMs = this.clock.now()
    else {
      this.tasks.killAllOn(name)
      for (const guest of this.guests.values()) if (guest.node === name) guest.process = undefined
    }
  }

  setLock(vmid: number, lock: string | undefined): void {
    const guest = this.guests.get(vmid)
    if (lock === undefined) guest?.config.delete('lock')
    else guest?.config.set('lock', lock)
  }

  /** The guests' configurations vanish, as when the config store comes back empty; or those come back whose VMIDs are free. */
  setGuestConfigsLost(isLost: boolean): void {
    const [from, to] = isLost ? [this.guests, this.#lostGuests] : [this.#lostGuests, this.guests]
    for (const [vmid, guest] of from) if (isLost || !to.has(vmid)) to.set(vmid, guest)
    from.clear()
  }

  /** The firewall file follows its guest's VMID at a clone: copied, or removed when the source has none. */
  cloneFirewall(from: number, to: number): void {
    const file = this.firewall.get(from)
    if (file) this.firewall.set(to, copyFirewall(file))
    else this.firewall.delete(to)
  }

  stop(): void {
    this.clock.stop()
    for (const drop of this.inFlight) drop()
    this.inFlight.clear()
  }

  #addGuest(spec: WorldSpec['guests'][number]): void {
    const guest = new Guest(spec.vmid, spec.node, spec.kind ?? 'qemu', new Map(Object.entries(spec.config)))
    this.guests.set(spec.vmid, guest)
    this.#addVolumes(guest)
  }

  /** The volumes that a preset's guest names, on its node unless the storage is shared. */
  #addVolumes(guest: Guest): void {
    for (const [key, text] of guest.config) {
      const drive = isDriveKey(key) ? parseDrive(key, text) : key.startsWith('unused') ? { file: text } : undefined
      const volid = volumeOf(drive)
      if (drive === undefined || volid === undefined || this.storage.find(volid, guest.node)) continue
      const sizeBytes = parseSizeBytes(drive['size'] ?? '4M') ?? 0
      const usedBytes = drive['media'] === 'cdrom' ? 0 : Math.min(sizeBytes, 2 * 1024 ** 3)
      this.storage.addFromSpec({ volid, node: guest.node, sizeBytes, usedBytes })
    }
  }

  /** A tick of every pvestatd. Also called by whoever lets much time pass at once, in which there were many. */
  publishAll(): void {
    for (const vmid of this.published.keys()) if (!this.guests.has(vmid)) this.published.delete(vmid)
    const silent = new Set<string>()
    for (const node of this.nodes.values()) {
      if (isUp(node) && node.pvestatd) node.saidAtMs = this.clock.now()
      else silent.add(node.name)
    }
    for (const guest of this.guests.values()) {
      if (silent.has(guest.node)) continue
      const now = publish(guest, this.clock.now())
      this.traffic.note(guest.vmid, this.published.get(guest.vmid), now)
      this.published.set(guest.vmid, now)
    }
  }

  #tickLater(delayMs?: number): void {
    this.clock.after(delayMs ?? this.spec.pvestatdMs ?? 10_000, () => {
      this.lastTickMs = this.clock.now()
      this.publishAll()
      this.#tickLater()
    })
  }
}
