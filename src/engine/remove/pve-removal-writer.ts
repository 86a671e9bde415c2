/** The writes of removal steps, as requests to PVE. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { BackupSeen, DestroyScope, RemovalWriter } from '../../ladder/removal.ts'
import { type Outcome, done, waitForTask } from '../../ladder/outcome.ts'
import { disksElsewhere, storagesOff, unsearched } from './disks-left.ts'
import type { RemovalLook } from './removal-look.ts'

/** PVE itself waits this long for the deletion of a backup before it answers with a task. */
const deleteDelaySeconds = 20

export class PveRemovalWriter implements RemovalWriter {
  readonly #cluster: PveCluster
  readonly #look: RemovalLook
  readonly #tell: (message: string) => void

  /** `tell`: of disks that PVE leaves where they are. */
  constructor(cluster: PveCluster, look: RemovalLook, tell: (message: string) => void) {
    this.#cluster = cluster
    this.#look = look
    this.#tell = tell
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

  /**
   * To look for disks that the configuration does not name PVE activates every storage of the node that may have some. One that is off ends
   * its task halfway: the disks of the VM are gone then, and the VM is not (PVE::QemuServer destroy_vm, PVE::Storage vdisk_list).
   */
  async destroy({ purge, unreferencedDisks }: DestroyScope): Promise<Outcome> {
    const { vmid, node } = this.#look.seen
    const off = unreferencedDisks ? storagesOff(this.#cluster, this.#look) : []
    const elsewhere = await disksElsewhere(this.#cluster, this.#look)
    const upid = await this.#cluster.pve.destroy(this.#look.at, { purge, unreferencedDisks: unreferencedDisks && off.length === 0 })
    if (off.length > 0) this.#tell(unsearched(this.#look, off))
    if (elsewhere !== undefined) this.#tell(elsewhere)
    return waitForTask(upid, `PVE deletes VM ${vmid} on ${node}.`)
  }
}
