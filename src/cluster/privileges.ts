import type { Permissions } from '../proxmox/answers.ts'

/** One privilege the token needs: the one table that is checked (facts.ts), printed (role.ts) and documented (docs/pve-permissions.md). */
export interface NeededPrivilege {
  readonly path: '/' | '/vms' | '/storage' | '/nodes' | '/sdn/zones'
  readonly privilege: string
  readonly neededFor: string
  /** all: on the path itself, for guests and nodes that do not exist yet. some: it is enough on a path below it. */
  readonly reach: 'all' | 'some'
}

const vms = (privilege: string, neededFor: string, reach: 'all' | 'some' = 'all'): NeededPrivilege => ({
  path: '/vms',
  privilege,
  neededFor,
  reach,
})

/** What PVE checks for each request we send: qemu-server and pve-manager, the `permissions` of each method, and their code. */
export const neededPrivileges: readonly NeededPrivilege[] = [
  vms('VM.Allocate', 'make a VM by cloning, and destroy it'),
  vms('VM.Audit', 'see guests, their configuration and their status; without it every VM would seem gone'),
  vms('VM.Backup', 'find and delete the backups of a VM that is terminated'),
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
  { path: '/nodes', privilege: 'Sys.Audit', neededFor: 'see memory and CPUs of the nodes, for placement', reach: 'some' },
  { path: '/', privilege: 'Sys.Audit', neededFor: 'see quorum and whether the datacenter firewall is on', reach: 'all' },
]

/** Those of the table that `GET /access/permissions` does not show. */
export const missingFrom = (permissions: Permissions): NeededPrivilege[] =>
  neededPrivileges.filter((needed) => !isGranted(needed, permissions))

function isGranted({ path, privilege, reach }: NeededPrivilege, permissions: Permissions): boolean {
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
