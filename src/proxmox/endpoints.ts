import { type ApiRequestable, type Proxmox, proxmoxApi } from 'proxmox-api'
import {
  type AclEntry,
  aclOf,
  type At,
  type Backup,
  backupsOf,
  type ClusterState,
  clusterStateOf,
  type NodeStorage,
  nodeStorageOf,
  type PendingOption,
  type Permissions,
  pendingOf,
  permissionsOf,
  type StatusCurrent,
  statusCurrentOf,
  type TaskRow,
  type TaskStatus,
  taskRowsOf,
  taskStatusOf,
  type Upid,
  type VmConfig,
  vmConfigOf,
} from './answers.ts'
import { number, type Row, rowOf, rowsOf, text } from './fields.ts'
import { judge } from './failures.ts'
import { identityIn } from './identity.ts'
import type { BackupParameters, CloneParameters, ConfigChange, RestoreParameters } from './parameters.ts'
import { mustBeUpid, nodeOfUpid, upidOf } from './upid.ts'
import { VmFirewall } from './vm-firewall.ts'
import { VmSnapshots } from './vm-snapshots.ts'
import { VmSupport } from './vm-support.ts'

/**
 * One method per endpoint in use. All throw PveError. A method that answers a Upid has only started a task; almost all checks of
 * resize, start, stop and snapshot deletion happen inside it (recordings 19, 26, 31).
 */
export class Pve {
  readonly #api: Proxmox.Api

  constructor(client: ApiRequestable) {
    this.#api = proxmoxApi(client)
  }

  /** Of pve-manager on the node that answered: `9.2.11`. */
  async version(): Promise<string> {
    return text(rowOf(await this.#api.version.$get()), 'version') ?? ''
  }

  /** SHA-256 of this PVE's own CA; the client compares it with what is on record, and throws for another one. */
  async identity(): Promise<string> {
    return identityIn(await this.#api.nodes.$('localhost').certificates.info.$get())
  }

  /** Whether any guest of the cluster has the VMID, also on nodes that are off: PVE looks at the configs, and any token may ask. */
  async isVmidFree(vmid: number): Promise<boolean> {
    try {
      await this.#api.cluster.nextid.$get({ vmid })
      return true
    } catch (fault) {
      if (judge(fault).kind === 'taken') return false
      throw fault
    }
  }

  async clusterStatus(): Promise<ClusterState> {
    return clusterStateOf(await this.#api.cluster.status.$get())
  }

  /** IDs of the guest's replication jobs, also of those that PVE is about to remove. Empty without VM.Audit on the guest. */
  async replicationJobs(vmid: number): Promise<string[]> {
    const rows = rowsOf(await this.#api.cluster.replication.$get())
    return rows.flatMap((row) => (number(row, 'guest') === vmid ? (text(row, 'id') ?? []) : []))
  }

  /** Whether PVE has this pool. Undefined: the token may not see it (Pool.Audit), or PVE is older than 8.1. */
  async hasPool(pool: string): Promise<boolean | undefined> {
    try {
      await this.#api.pools.$get({ poolid: pool } as never)
      return true
    } catch (fault) {
      const { kind, message } = judge(fault)
      if (message.includes(`pool '${pool}' does not exist`)) return false
      if (kind === 'denied' || kind === 'invalid') return undefined
      throw fault
    }
  }

  /** Raw rows of the cluster listing: guests, nodes, storages; parsed in listing.ts. Silently filtered by privileges. */
  async resources(): Promise<readonly Row[]> {
    return rowsOf(await this.#api.cluster.resources.$get())
  }

  /** Of every path whose permissions the token may change, or of all with Sys.Audit on /access: an empty list proves nothing without it. */
  async acl(): Promise<AclEntry[]> {
    return aclOf(await this.#api.access.acl.$get())
  }

  /** Of the token itself. */
  async permissions(): Promise<Permissions> {
    return permissionsOf(await this.#api.access.permissions.$get())
  }

  /** Whether the datacenter firewall is on; while it is off no rule of any guest is in force. */
  async firewallOptionsDatacenter(): Promise<{ enabled: boolean }> {
    return { enabled: (number(rowOf(await this.#api.cluster.firewall.options.$get()), 'enable') ?? 0) !== 0 }
  }

  /** Options of the datacenter; without Sys.Audit on / only a few of them. */
  async datacenterOptions(): Promise<Row> {
    return rowOf(await this.#api.cluster.options.$get())
  }

  /** Names of the bridges and VNets of a node that the token may use or see; others are left out without a word. */
  async bridges(node: string): Promise<string[]> {
    const rows = rowsOf(await this.#api.nodes.$(node).network.$get({ type: 'any_bridge' }))
    return rows.flatMap((row) => text(row, 'iface') ?? [])
  }

  /** Sum of the sizes of all disks of VMs on a storage, templates too; of a thin disk that is more than it takes. */
  async diskBytes(node: string, storage: string): Promise<number> {
    const rows = rowsOf(await this.#api.nodes.$(node).storage.$(storage).content.$get({ content: 'images' }))
    return rows.reduce((sum, row) => sum + (number(row, 'size') ?? 0), 0)
  }

  /** Volumes of a VM on a storage as that node sees it, as the configuration names them. */
  async volumesOf(node: string, storage: string, vmid: number): Promise<string[]> {
    const rows = rowsOf(await this.#api.nodes.$(node).storage.$(storage).content.$get({ content: 'images', vmid }))
    return rows.flatMap((row) => text(row, 'volid') ?? [])
  }

  /** Asks each storage: slow (up to 596) while a network storage hangs. */
  async nodeStorage(node: string): Promise<NodeStorage[]> {
    return nodeStorageOf(await this.#api.nodes.$(node).storage.$get())
  }

  async config(at: At): Promise<VmConfig> {
    return vmConfigOf(await this.#guest(at).config.$get())
  }

  /** What differs between the running guest and its next cold start. */
  async pending(at: At): Promise<PendingOption[]> {
    return pendingOf(await this.#guest(at).pending.$get())
  }

  async statusCurrent(at: At): Promise<StatusCurrent> {
    return statusCurrentOf(await this.#guest(at).status.current.$get())
  }

  async clone(source: At, p: CloneParameters): Promise<Upid> {
    return mustBeUpid(await this.#guest(source).clone.$post({ ...p }))
  }

  /** PUT: done when it returns. Not for changes that allocate a disk, and a running guest's hotplug may take seconds. */
  async updateConfig(at: At, change: ConfigChange): Promise<void> {
    await this.#guest(at).config.$put(asParameters(change))
  }

  /** POST: PVE waits up to the delay (1 to 30 s) for its task; undefined = it ended well within it, a failure is thrown. */
  async updateConfigTask(at: At, change: ConfigChange, backgroundDelaySeconds: number): Promise<Upid | undefined> {
    const parameters = { ...asParameters(change), background_delay: backgroundDelaySeconds }
    return upidOf(await this.#guest(at).config.$post(parameters))
  }

  /** Absolute size: may be repeated. `sizeMiB` below the present size fails in the task. */
  async resize(at: At, p: { disk: string; sizeMiB: number; digest: string }): Promise<Upid> {
    const parameters = { disk: p.disk, size: `${p.sizeMiB}M`, digest: p.digest } as Parameters<GuestCalls['resize']['$put']>[0]
    return mustBeUpid(await this.#guest(at).resize.$put(parameters))
  }

  async start(at: At): Promise<Upid> {
    return mustBeUpid(await this.#guest(at).status.start.$post())
  }

  /** Cuts the power. `overruleShutdown` (PVE 8.2+) ends shutdown tasks of ours that hold the guest's lock. */
  async stop(at: At, o: { overruleShutdown?: boolean } = {}): Promise<Upid> {
    type Parameter = NonNullable<Parameters<GuestCalls['status']['stop']['$post']>[0]>
    const parameters = { ...(o.overruleShutdown === true && { 'overrule-shutdown': true }) } as Parameter // newer than the package's types
    return mustBeUpid(await this.#guest(at).status.stop.$post(parameters))
  }

  /** Shutdown and start; qmeventd starts the guest after this task has ended (qemu-server). */
  async reboot(at: At, o: { timeoutSeconds: number }): Promise<Upid> {
    return mustBeUpid(await this.#guest(at).status.reboot.$post({ timeout: o.timeoutSeconds }))
  }

  /** Asks the guest; after the timeout the task fails, or cuts the power with `forceStop`. */
  async shutdown(at: At, o: { timeoutSeconds: number; forceStop?: boolean }): Promise<Upid> {
    return mustBeUpid(await this.#guest(at).status.shutdown.$post({ timeout: o.timeoutSeconds, forceStop: o.forceStop === true }))
  }

  /**
   * Takes disks and snapshots along, ACLs on the VM and its place in a pool. `purge` also takes the VMID out of HA, replication and backup
   * jobs; without it PVE refuses while HA or replication know the VM. `unreferencedDisks` makes PVE look on every storage for volumes of
   * this VMID that its configuration does not name.
   */
  async destroy(at: At, o: { unreferencedDisks: boolean; purge: boolean }): Promise<Upid> {
    return mustBeUpid(await this.#guest(at).$delete({ purge: o.purge, 'destroy-unreferenced-disks': o.unreferencedDisks }))
  }

  /** Empty also where the token may not see them (VM.Backup and Datastore.AllocateSpace); compare ctime with the clone's time. */
  async backups(node: string, storage: string, vmid: number): Promise<Backup[]> {
    return backupsOf(await this.#api.nodes.$(node).storage.$(storage).content.$get({ content: 'backup', vmid }), vmid)
  }

  /** Of every guest; may take long on a backup server. Shows what `backups` would. */
  async backupsOnStorage(node: string, storage: string): Promise<Backup[]> {
    return backupsOf(await this.#api.nodes.$(node).storage.$(storage).content.$get({ content: 'backup' }))
  }

  async protectBackup(node: string, storage: string, volid: string, isProtected: boolean): Promise<void> {
    await this.#api.nodes.$(node).storage.$(storage).content.$(volid).$put({ protected: isProtected })
  }

  /** Undefined: the guest is not on this node, and PVE has started nothing (PVE::API2::VZDump answers `OK`). */
  async vzdump(at: At, p: BackupParameters): Promise<Upid | undefined> {
    // Of the storage's own retention nothing is carried out: what is deleted, we say.
    return upidOf(await this.#api.nodes.$(at.node).vzdump.$post({ vmid: String(at.vmid), compress: 'zstd', remove: false, ...p } as never))
  }

  /** The configuration of the guest in a backup, with the lines that say where its disks were. */
  async backupConfig(node: string, volid: string): Promise<string> {
    return String(await this.#api.nodes.$(node).vzdump.extractconfig.$get({ volume: volid }))
  }

  /**
   * The VM of a backup, into this VMID. With `force` PVE frees the disks of the guest that is there before it reads the archive. A failure
   * leaves what it reached, without `force` a guest of no disks, no name and no mark (PVE::API2::Qemu create_vm: `state is NOT cleaned up`).
   * `unique`: other MAC addresses than in the file. Name, description and onboot are in force with the end of the task (restore_merge_config).
   */
  async restore(at: At, p: RestoreParameters): Promise<Upid> {
    return mustBeUpid(await this.#api.nodes.$(at.node).qemu.$post({ vmid: at.vmid, unique: false, start: false, ...p } as never))
  }

  /** Undefined = gone within the delay (1 to 30 s). One that never existed is no error (recording 32). */
  async deleteBackup(node: string, storage: string, volid: string, delaySeconds: number): Promise<Upid | undefined> {
    return upidOf(await this.#api.nodes.$(node).storage.$(storage).content.$(volid).$delete({ delay: delaySeconds }))
  }

  firewall(at: At): VmFirewall {
    return new VmFirewall(this.#api, at)
  }

  snapshots(at: At): VmSnapshots {
    return new VmSnapshots(this.#api, at)
  }

  support(at: At): VmSupport {
    return new VmSupport(this.#api, at)
  }

  /** A task that PVE no longer knows is a 400 `no such task`. */
  async task(upid: Upid): Promise<TaskStatus> {
    return taskStatusOf(await this.#api.nodes.$(nodeOfUpid(upid)).tasks.$(upid).status.$get())
  }

  /** Lines of the log from its beginning; at most `limit`. */
  async taskLog(upid: Upid, limit = 50): Promise<string[]> {
    const rows = rowsOf(await this.#api.nodes.$(nodeOfUpid(upid)).tasks.$(upid).log.$get({ start: 0, limit }))
    return rows.map((row) => text(row, 't') ?? '')
  }

  /** A token sees its own tasks, and all with Sys.Audit on the node. `vmid` matches the SOURCE of a clone. */
  async tasks(
    node: string,
    filter: { source?: 'active' | 'archive' | 'all'; typefilter?: string; vmid?: number; since?: number; limit?: number } = {},
  ): Promise<TaskRow[]> {
    return taskRowsOf(await this.#api.nodes.$(node).tasks.$get({ ...filter }))
  }

  /** Of all nodes: running ones and the last 25 ended of each. Empty for a token without Sys.Audit on `/`. */
  clusterTasks = async (): Promise<TaskRow[]> => taskRowsOf(await this.#api.cluster.tasks.$get())

  #guest(at: At): GuestCalls {
    return this.#api.nodes.$(at.node).qemu.$(at.vmid)
  }
}

type GuestCalls = ReturnType<ReturnType<Proxmox.Api['nodes']['$']>['qemu']['$']>

function asParameters({ set, remove, digest }: ConfigChange): Record<string, string | number> {
  return { ...set, ...(remove.length > 0 && { delete: remove.join(',') }), digest }
}
