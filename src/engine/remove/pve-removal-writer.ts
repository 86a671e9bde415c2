/** The writes of removal steps, as requests to PVE. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { BackupSeen, DestroyScope, RemovalWriter } from '../../ladder/removal.ts'
import { type Outcome, done, waitForTask } from '../../ladder/outcome.ts'
import type { RemovalLook } from './removal-look.ts'

/** PVE itself waits this long for the deletion of a backup before it answers with a task. */
const deleteDelaySeconds = 20

export class PveRemovalWriter implements RemovalWriter {
  readonly #cluster: PveCluster
  readonly #look: RemovalLook

  constructor(cluster: PveCluster, look: RemovalLook) {
    this.#cluster = cluster
    this.#look = look
  }

  async cutPower(): Promise<Outcome> {
    const { vmid, isHaManaged } = this.#look.seen
    // PVE refuses the option for VMs that HA manages (400 `Not applicable for HA resources.`).
    const upid = await this.#cluster.pve.stop(this.#look.at, { overruleShutdown: isHaManaged !== true })
    return waitForTask(upid, `PVE cuts the power of VM ${vmid}.`)
  }

  async unprotect({ node, storage, volid }: BackupSeen): Promise<Outcome> {
    this.#look.backupsChanged()
    await this.#cluster.pve.protectBackup(node, storage, volid, false)
    return done
  }

  async deleteBackup({ node, storage, volid }: BackupSeen): Promise<Outcome> {
    this.#look.backupsChanged()
    const upid = await this.#cluster.pve.deleteBackup(node, storage, volid, deleteDelaySeconds)
    return upid === undefined ? done : waitForTask(upid, `PVE deletes backup ${volid}.`)
  }

  async destroy(scope: DestroyScope): Promise<Outcome> {
    const { vmid, node } = this.#look.seen
    return waitForTask(await this.#cluster.pve.destroy(this.#look.at, scope), `PVE deletes VM ${vmid} on ${node}.`)
  }
}
