import type { Permissions } from '../proxmox/answers.ts'

/** What a privilege beyond the needed ones makes possible: `status.capabilities`, `pve-operator role --with`. */
export const capabilities = {
  backup: 'make, find and delete backups of a VM, and restore it, or make a new VM, from one',
  quorum: 'see quorum and whether the datacenter firewall is on',
  placement: 'see memory and CPUs of the nodes, for placement',
  snapshot: 'take and delete snapshots, and roll a VM back to one',
  migrate: 'migrate VMs to another node',
  agent: 'ask the guest agent for the operating system and addresses of a guest',
  password: 'set a password in a running guest through its agent',
  cloudinit: 'read in a guest, through its agent, whether cloud-init failed',
} as const
export type Capability = keyof typeof capabilities

/** What `pve-operator role` grants unless told otherwise: everything a VM needs from its birth to its end. */
export const usualCapabilities: readonly Capability[] = ['backup', 'quorum', 'placement', 'snapshot']

/** One privilege of the token: the one table that is checked (facts.ts), printed (role.ts) and documented (docs/pve-permissions.md). */
export interface NeededPrivilege {
  readonly path: '/' | '/vms' | '/storage' | '/nodes' | '/sdn/zones'
  readonly privilege: string
  readonly neededFor: string
  /** all: on the path itself, for guests and nodes that do not exist yet. some: it is enough on a path below it. */
  readonly reach: 'all' | 'some'
  /** Without it all but this works. Absent: without it nothing does. */
  readonly capability?: Capability
  /** Known to this major version of PVE only. */
  readonly major?: 8 | 9
}

/** A privilege as the token lacks it: with the path on which it was looked for. */
export type MissingPrivilege = Omit<NeededPrivilege, 'path'> & { readonly path: string }

const vms = (privilege: string, neededFor: string, reach: 'all' | 'some' = 'all'): NeededPrivilege => ({
  path: '/vms',
  privilege,
  neededFor,
  reach,
})
const optional = (
  capability: Capability,
  privilege: string,
  o: Partial<Pick<NeededPrivilege, 'path' | 'reach' | 'major'>> = {},
): NeededPrivilege => ({ path: '/vms', reach: 'all', ...o, privilege, neededFor: capabilities[capability], capability })

/** What PVE checks for each request we send: qemu-server and pve-manager, the `permissions` of each method, and their code. */
export const neededPrivileges: readonly NeededPrivilege[] = [
  vms('VM.Allocate', 'make a VM by cloning, and destroy it'),
  vms('VM.Audit', 'see guests, their configuration, status, traffic and rrddata; without it the operator treats no VM as deleted'),
  vms('VM.Clone', 'clone the templates', 'some'),
  vms('VM.Config.CPU', 'set cores, sockets, CPU type and limits'),
  vms('VM.Config.Cloudinit', 'set user, password, keys and addresses for cloud-init'),
  vms('VM.Config.Disk', 'add, grow, limit and detach disks'),
  vms('VM.Config.Memory', 'set memory and ballooning'),
  vms('VM.Config.Network', 'set the network device and the firewall of a VM'),
  vms('VM.Config.Options', 'set name, description, tags, onboot and protection'),
  vms('VM.PowerMgmt', 'start, stop and shut down'),
  { path: '/storage', privilege: 'Datastore.AllocateSpace', neededFor: 'make and grow disks, and delete backups', reach: 'some' },
  { path: '/storage', privilege: 'Datastore.Audit', neededFor: 'see how much room the storages have', reach: 'some' },
  { path: '/sdn/zones', privilege: 'SDN.Use', neededFor: 'connect VMs to bridges and VLANs', reach: 'some' },
  optional('backup', 'VM.Backup'),
  optional('quorum', 'Sys.Audit', { path: '/' }),
  optional('placement', 'Sys.Audit', { path: '/nodes', reach: 'some' }),
  // Also enough for a rollback, for which PVE takes VM.Snapshot.Rollback as well (qemu-server, API2::Qemu).
  optional('snapshot', 'VM.Snapshot'),
  optional('migrate', 'VM.Migrate'),
  // PVE 9 gave the guest agent privileges of its own (qemu-server, API2::Qemu::Agent).
  optional('agent', 'VM.Monitor', { major: 8 }),
  optional('agent', 'VM.GuestAgent.Audit', { major: 9 }),
  optional('password', 'VM.Monitor', { major: 8 }),
  optional('password', 'VM.GuestAgent.Unrestricted', { major: 9 }),
  optional('cloudinit', 'VM.Monitor', { major: 8 }),
  optional('cloudinit', 'VM.GuestAgent.FileRead', { major: 9 }),
]

/** Those of the table that this major version knows. */
export const privilegesOfMajor = (major: number): NeededPrivilege[] =>
  neededPrivileges.filter((row) => row.major === undefined || row.major === (major >= 9 ? 9 : 8))

/**
 * Those of the table that `GET /access/permissions` does not show. With a PVE pool what concerns guests and storages may also be granted on
 * `/pool/NAME`, from where PVE hands it to the members (PVE::AccessControl roles), and is named there.
 */
export function missingFrom(permissions: Permissions, o: { major: number; pool?: string | undefined }): MissingPrivilege[] {
  return privilegesOfMajor(o.major).flatMap((row): MissingPrivilege[] => {
    if (isGranted(row, permissions)) return []
    const isPooled = o.pool !== undefined && (row.path === '/vms' || row.path === '/storage')
    if (!isPooled) return [row]
    const inPool = { ...row, path: `/pool/${o.pool}` }
    return isGranted(inPool, permissions) ? [] : [inPool]
  })
}

function isGranted({ path, privilege, reach }: Pick<MissingPrivilege, 'path' | 'privilege' | 'reach'>, permissions: Permissions): boolean {
  if (permissions[path]?.[privilege] !== undefined) return true
  if (ancestorsOf(path).some((ancestor) => permissions[ancestor]?.[privilege] === true)) return true
  const below = path === '/' ? '/' : `${path}/`
  return reach === 'some' && Object.entries(permissions).some(([at, granted]) => at.startsWith(below) && granted[privilege] !== undefined)
}

/** `/sdn/zones` → `/sdn`, `/`. A right above counts when it reaches down (PVE's propagate flag). */
function ancestorsOf(path: string): string[] {
  if (path === '/') return []
  const parts = path.split('/').slice(1, -1)
  return ['/', ...parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`)]
}
