/** What a removal has looked at, read part by part on demand. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { BackupsSeen, RemovalPart, RemovalSeen } from '../../ladder/removal.ts'
import type { Look } from '../look.ts'
import { findBackups } from './backups.ts'

export class RemovalLook {
  readonly #cluster: PveCluster
  readonly #status: ProxmoxVMStatus
  readonly #uid: string
  readonly #look: Look | undefined
  #backups: BackupsSeen | undefined
  #replicationJobs: readonly string[] | undefined

  /** Without `look` the VM is gone, and only its backups are looked at. */
  constructor(o: { cluster: PveCluster; status: ProxmoxVMStatus; uid: string; look?: Look }) {
    this.#cluster = o.cluster
    this.#status = o.status
    this.#uid = o.uid
    this.#look = o.look
  }

  get at() {
    return this.#look?.at ?? { node: '', vmid: this.#status.vmid ?? 0 }
  }

  get seen(): RemovalSeen {
    const { node, power, isHaManaged, config } = this.#look?.seen ?? {}
    return {
      vmid: this.at.vmid,
      ...(node && { node }),
      ...(power && { power }),
      ...(isHaManaged !== undefined && { isHaManaged }),
      isProtected: config?.values.protection === '1',
      ...(this.#replicationJobs && { replicationJobs: this.#replicationJobs }),
      ...(this.#backups && { backups: this.#backups }),
    }
  }

  /** The configuration as it was read with the presence of the VM. */
  get config(): Readonly<Record<string, string>> {
    return this.#look?.seen.config?.values ?? {}
  }

  /** Where it was before it came to the node where it is. */
  get nodesBefore(): string[] {
    const { formerNodes = [], node } = this.#status
    return [...new Set([...formerNodes, ...(node === undefined ? [] : [node])])].filter((other) => other !== this.at.node)
  }

  async need(part: RemovalPart): Promise<void> {
    if (part === 'backups') this.#backups ??= await findBackups(this.#cluster, this.#status, this.#uid)
    else if (part === 'replication') this.#replicationJobs ??= await this.#cluster.pve.replicationJobs(this.at.vmid)
    else await this.#look?.need(part)
  }

  /** Something was done to them. */
  backupsChanged(): void {
    this.#backups = undefined
  }
}
