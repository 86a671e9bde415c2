import { createHash } from 'node:crypto'

/** A config section: option → text as in the file. `description` is kept here too, decoded. */
export type Section = Map<string, string>

export interface InsideAddress {
  type: 'ipv4' | 'ipv6'
  address: string
  prefix: number
}

/** The running system: values of its cloud-init drive as it was at the last boot; without such a drive, of the config at that time. */
export interface Inside {
  bootedAtMs: number
  hostname: string
  user: string | undefined
  /** As it stood on the drive: hashed for Linux. */
  password: string | undefined
  /** URL-encoded, as the option holds them. */
  sshKeys: string | undefined
  nameservers: readonly string[]
  /** By MAC in lower case: a NIC with another MAC is a new one, and has none. */
  addresses: ReadonlyMap<string, readonly InsideAddress[]>
  /** What cloud-init noted at its end; absent: nothing. */
  cloudInitErrors?: string[]
}

export interface Snapshot {
  config: Section
  /** Seconds since the epoch. */
  snaptime: number
  description: string
  parent?: string
  /** Volume with the saved memory. */
  vmstate?: string
  snapstate?: string
  /** With `vmstate`: the running system as it was. */
  inside?: Inside
  /** Its volumes' snapshots are damaged: it cannot be deleted alone. */
  isBroken?: boolean
}

/** States of QMP's query-status. */
export const runStates = ['running', 'paused', 'prelaunch', 'suspended', 'io-error', 'internal-error'] as const
export type RunState = (typeof runStates)[number]

/** What PVE calls paused (vm_is_paused); a guest that stands still for an I/O error is not. */
export function isPaused(process: Process | undefined): boolean {
  return process !== undefined && ['paused', 'prelaunch', 'suspended'].includes(process.run)
}

/** A QEMU process. */
export interface Process {
  pid: number
  /** Since when this process runs: a new one for each start, and after a migration. */
  sinceMs: number
  /** QMP run state. */
  run: RunState
  /** When the guest agent starts to answer; undefined: no agent device. */
  agentAtMs?: number
  /** Config section as QEMU was started with it. */
  startedWith: Section
  inside: Inside
  /** Its file systems are frozen through the agent. */
  isFrozen?: boolean
  /** Commands the agent has run and nobody has asked about yet. */
  agentPids?: Set<number>
  /** Bytes through its NICs; they begin at 0 with each process. */
  netIn: number
  netOut: number
  /** They grow by so many bytes a second by themselves; counted up to `sinceMs`. */
  flow?: { inPerSecond: number; outPerSecond: number; sinceMs: number }
}

/** What a running guest's cloud-init drive does not know yet: section [special:cloudinit] of its config file. */
export interface CloudInitChanges {
  /** Options that are new since the drive was written. */
  added: Set<string>
  /** Options that were changed or deleted since → their value on the drive. */
  recorded: Section
}

export const noChanges = (): CloudInitChanges => ({ added: new Set(), recorded: new Map() })

/** One VM (or container, which only occupies its id). */
export class Guest {
  readonly vmid: number
  readonly kind: 'qemu' | 'lxc'
  node: string
  config: Section
  pending: Section = new Map()
  /** Option → whether its volume shall be freed (`delete` with `force`). */
  deletions = new Map<string, boolean>()
  /** What the cloud-init drive was generated from; undefined: never, or no drive. */
  generated: Section | undefined
  /** What was changed live since the cloud-init drive was written. */
  cloudInitChanges: CloudInitChanges = noChanges()
  snapshots = new Map<string, Snapshot>()
  #process: Process | undefined
  /** Called when a QEMU process ends, whatever comes after it: what was connected to it is cut. */
  readonly onProcessEnd = new Set<() => void>()
  /** Of a hibernated guest: the system that goes on when it is resumed. */
  asleep: Inside | undefined

  constructor(vmid: number, node: string, kind: 'qemu' | 'lxc' = 'qemu', config: Section = new Map()) {
    this.generated = undefined
    this.vmid = vmid
    this.node = node
    this.kind = kind
    this.config = config
  }

  get lock(): string | undefined {
    return this.config.get('lock')
  }

  get isTemplate(): boolean {
    return this.config.get('template') === '1'
  }

  get process(): Process | undefined {
    return this.#process
  }

  set process(next: Process | undefined) {
    const isEnd = this.#process !== undefined && this.#process.pid !== next?.pid
    this.#process = next
    if (isEnd) for (const tell of Array.from(this.onProcessEnd)) tell()
  }

  get isRunning(): boolean {
    return this.#process !== undefined
  }
}

function sectionText(section: Section): string {
  let text = ''
  const description = section.get('description')
  if (description !== undefined) for (const line of description.split('\n')) text += `#${encodeURI(line)}\n`
  for (const key of [...section.keys()].toSorted()) if (key !== 'description') text += `${key}: ${section.get(key)}\n`
  return text
}

/** The guest's config file, as PVE::QemuServer::write_vm_config lays it out. */
export function configText(guest: Pick<Guest, 'config' | 'pending' | 'deletions' | 'snapshots' | 'cloudInitChanges'>): string {
  let text = sectionText(guest.config)
  if (guest.pending.size > 0 || guest.deletions.size > 0) {
    text += '\n[PENDING]\n'
    const deletions = [...guest.deletions].map(([key, force]) => (force ? `!${key}` : key)).toSorted()
    if (deletions.length > 0) text += `delete: ${deletions.join(',')}\n`
    text += sectionText(guest.pending)
  }
  const { added, recorded } = guest.cloudInitChanges
  if (added.size + recorded.size > 0 && [...guest.config.values()].some((value) => /vm-\d+-cloudinit/.test(value))) {
    text += `\n[special:cloudinit]\n${added.size > 0 ? `added: ${[...added].toSorted().join(',')}\n` : ''}${sectionText(recorded)}`
  }
  for (const name of [...guest.snapshots.keys()].toSorted()) {
    const snapshot = guest.snapshots.get(name) as Snapshot
    text += `\n[${name}]\n${sectionText(snapshot.config)}snaptime: ${snapshot.snaptime}\n`
    if (snapshot.parent) text += `parent: ${snapshot.parent}\n`
    if (snapshot.snapstate) text += `snapstate: ${snapshot.snapstate}\n`
  }
  return text
}

/** SHA-1 of the file, the `digest` of every answer. */
export function digestOf(guest: Guest): string {
  return createHash('sha1').update(configText(guest)).digest('hex')
}
