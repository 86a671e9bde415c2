import { flag, listOf, number, type Row, rowOf, rowsOf, text } from './fields.ts'

/** Where a guest is, as far as we know: it may have moved since. */
export interface At {
  readonly node: string
  readonly vmid: number
}

/** `UPID:<node>:<pid>:<pstart>:<starttime>:<type>:<id>:<user>:`, the receipt for a task; the work may fail in spite of it. */
export type Upid = string

/** Options that are set, with pending changes merged in (what the next cold start will have). `memory` is a string since PVE 8. */
export type VmConfig = Readonly<Record<string, string | number>> & { readonly digest: string }

export function vmConfigOf(data: unknown): VmConfig {
  const row = rowOf(data)
  const options: Record<string, string | number> = {}
  for (const [key, value] of Object.entries(row)) {
    if (typeof value === 'string' || typeof value === 'number') options[key] = value
    else if (typeof value === 'boolean') options[key] = value ? 1 : 0
  }
  return { ...options, digest: text(row, 'digest') ?? '' }
}

/** One option and what happens to it at the next cold start. */
export interface PendingOption {
  readonly key: string
  readonly value?: string
  readonly pending?: string
  readonly removal: boolean
}

export const pendingOf = (data: unknown): PendingOption[] =>
  rowsOf(data).map((row) => ({
    key: text(row, 'key') ?? '',
    ...optional('value', text(row, 'value')),
    ...optional('pending', text(row, 'pending')),
    removal: (number(row, 'delete') ?? 0) > 0,
  }))

/** `status` is live here, unlike in the cluster listing; a paused guest is `running` with `qmpstatus` `paused`. */
export interface StatusCurrent {
  readonly status: 'running' | 'stopped'
  readonly qmpstatus: string
  readonly lock?: string
  readonly template: boolean
  readonly uptimeSeconds: number
  readonly haManaged: boolean
  /** `started`, `stopped`, `error` … Absent: not managed, or the manager does not know it yet. */
  readonly haState?: string
  /** Of the QEMU process on its node. */
  readonly pid?: number
}

export function statusCurrentOf(data: unknown): StatusCurrent {
  const row = rowOf(data)
  const status = text(row, 'status') === 'running' ? 'running' : 'stopped'
  const ha = rowOf(row['ha'] ?? {})
  return {
    status,
    qmpstatus: text(row, 'qmpstatus') ?? status,
    ...optional('lock', text(row, 'lock')),
    template: flag(row, 'template'),
    uptimeSeconds: number(row, 'uptime') ?? 0,
    haManaged: flag(ha, 'managed'),
    ...optional('haState', text(ha, 'state')),
    ...optional('pid', number(row, 'pid')),
  }
}

/** A backup file, or a snapshot on a backup server, as its storage lists it. */
export interface Backup {
  readonly volid: string
  readonly vmid: number
  /** Seconds since the epoch by PVE's clock; a reused VMID can have older ones that belonged to somebody else. */
  readonly ctime: number
  readonly isProtected: boolean
  readonly sizeBytes?: number
  readonly notes?: string
  /** What the last verification of a backup server found: ok or failed. */
  readonly verified?: string
  readonly isEncrypted: boolean
}

/** `vmid`: whose files were asked for, where PVE does not say it; without it files of no guest are left out. */
export const backupsOf = (data: unknown, vmid?: number): Backup[] =>
  rowsOf(data)
    .map((row) => ({ row, owner: number(row, 'vmid') ?? vmid }))
    .filter(({ owner }) => owner !== undefined && (vmid === undefined || owner === vmid))
    .map(({ row, owner = 0 }) => ({
      volid: text(row, 'volid') ?? '',
      vmid: owner,
      ctime: number(row, 'ctime') ?? 0,
      isProtected: flag(row, 'protected'),
      ...optional('sizeBytes', number(row, 'size')),
      ...optional('notes', text(row, 'notes')),
      ...optional('verified', text(rowOf(row['verification']), 'state')),
      // The fingerprint of its key, or 1.
      isEncrypted: !['', '0'].includes(text(row, 'encrypted') ?? ''),
    }))

export type TaskStatus = { readonly running: true } | { readonly running: false; readonly exitstatus: string }

export function taskStatusOf(data: unknown): TaskStatus {
  const row = rowOf(data)
  if (text(row, 'status') === 'running') return { running: true }
  return { running: false, exitstatus: text(row, 'exitstatus') ?? 'unexpected status' }
}

export interface TaskRow {
  readonly upid: Upid
  readonly type: string
  /** The UPID's id field: the SOURCE of a clone, `100@local` for a deleted backup. */
  readonly id: string
  /** Seconds since the epoch, by PVE's clock. */
  readonly starttime: number
  /** `RUNNING`, or the exit status. */
  readonly status: string
}

export const taskRowsOf = (data: unknown): TaskRow[] =>
  rowsOf(data).map((row) => ({
    upid: text(row, 'upid') ?? '',
    type: text(row, 'type') ?? '',
    id: text(row, 'id') ?? '',
    starttime: number(row, 'starttime') ?? 0,
    status: text(row, 'status') ?? 'RUNNING',
  }))

export interface ListedRule {
  readonly pos: number
  readonly type: string
  readonly action: string
  readonly enable: boolean
  readonly macro?: string
  readonly proto?: string
  readonly 'icmp-type'?: string
  readonly source?: string
  readonly dest?: string
  readonly sport?: string
  readonly dport?: string
  readonly iface?: string
  readonly log?: string
  readonly comment?: string
}

export interface FirewallRules {
  /** In order of `pos`. */
  readonly rules: readonly ListedRule[]
  /** SHA-1 of the whole list; absent while it is empty. */
  readonly digest?: string
}

const ruleTexts = ['macro', 'proto', 'icmp-type', 'source', 'dest', 'sport', 'dport', 'iface', 'log', 'comment'] as const

const ruleOf = (row: Row): ListedRule => ({
  pos: number(row, 'pos') ?? 0,
  type: text(row, 'type') ?? '',
  action: text(row, 'action') ?? '',
  enable: (number(row, 'enable') ?? 0) !== 0,
  ...Object.fromEntries(ruleTexts.flatMap((key) => (text(row, key) === undefined ? [] : [[key, text(row, key)]]))),
})

export function firewallRulesOf(data: unknown): FirewallRules {
  const rows = rowsOf(data)
  return { rules: rows.map(ruleOf).toSorted((a, b) => a.pos - b.pos), ...optional('digest', rows[0] && text(rows[0], 'digest')) }
}

/** An entry of the tree of permissions. */
export interface AclEntry {
  readonly path: string
  /** user, group or token. */
  readonly type: string
  readonly ugid: string
  readonly roleid: string
}

export const aclOf = (data: unknown): AclEntry[] =>
  rowsOf(data).map((row) => ({
    path: text(row, 'path') ?? '',
    type: text(row, 'type') ?? '',
    ugid: text(row, 'ugid') ?? '',
    roleid: text(row, 'roleid') ?? '',
  }))

/** A name for an address or network, to be used in rules and sets of the same guest. */
export interface FirewallAlias {
  readonly name: string
  readonly cidr: string
  readonly comment?: string
}

export const aliasesOf = (data: unknown): FirewallAlias[] =>
  rowsOf(data).map((row) => ({
    name: text(row, 'name') ?? '',
    cidr: text(row, 'cidr') ?? '',
    ...optional('comment', text(row, 'comment')),
  }))

export interface IpsetEntry {
  /** Normalised by PVE: host bits cleared, /32 and /128 dropped. */
  readonly cidr: string
  readonly nomatch: boolean
  readonly comment?: string
}

export const ipsetOf = (data: unknown): IpsetEntry[] =>
  rowsOf(data).map((row) => ({
    cidr: text(row, 'cidr') ?? '',
    nomatch: flag(row, 'nomatch'),
    ...optional('comment', text(row, 'comment')),
  }))

/** A storage as one node sees it. */
export interface NodeStorage {
  readonly storage: string
  readonly type: string
  readonly content: readonly string[]
  readonly shared: boolean
  readonly active: boolean
  readonly availableBytes: number
}

export const nodeStorageOf = (data: unknown): NodeStorage[] =>
  rowsOf(data).map((row) => ({
    storage: text(row, 'storage') ?? '',
    type: text(row, 'type') ?? '',
    content: listOf(text(row, 'content')),
    shared: flag(row, 'shared'),
    active: flag(row, 'active'),
    availableBytes: number(row, 'avail') ?? 0,
  }))

export interface ClusterState {
  /** A stand-alone node has no cluster entry and always counts as quorate. */
  readonly quorate: boolean
  readonly nodes: readonly { readonly name: string; readonly online: boolean }[]
}

export function clusterStateOf(data: unknown): ClusterState {
  const rows = rowsOf(data)
  const cluster = rows.find((row) => row['type'] === 'cluster')
  const nodes = rows.filter((row) => row['type'] === 'node').map((row) => ({ name: text(row, 'name') ?? '', online: flag(row, 'online') }))
  return { quorate: cluster === undefined || flag(cluster, 'quorate'), nodes }
}

/** Path → privilege → does it reach the paths below. */
export type Permissions = Readonly<Record<string, Readonly<Record<string, boolean>>>>

export const permissionsOf = (data: unknown): Permissions =>
  Object.fromEntries(
    Object.entries(rowOf(data)).map(([path, privileges]) => {
      const row = rowOf(privileges)
      return [path, Object.fromEntries(Object.keys(row).map((privilege) => [privilege, flag(row, privilege)]))]
    }),
  )

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}
