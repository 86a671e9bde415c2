// What users do with snapshots and backups of a VM: taken, deleted, gone back to.
import { type KubeObject, proxmoxVMBackups, proxmoxVMSnapshots, type Resource } from '../../src/api/meta.ts'
import type { Account, Permission } from './ledger.ts'
import type { Scene } from './scene.ts'

export type CopyAction = 'snapshot' | 'deleteSnapshot' | 'rollback' | 'makeBackup' | 'restore'

export interface CopyDoing {
  readonly scene: Scene
  readonly account: Account
  /** In [0, 1), from the history. */
  readonly pick: number
  readonly press: (word: string, may: Permission, more: object) => Promise<unknown>
}

async function make<T extends KubeObject>({ scene, account }: CopyDoing, resource: Resource<T>, of: string[], spec: object): Promise<void> {
  const name = `${account.name}-${resource.plural.slice(9, -1)}-${scene.number()}`
  await scene.world.client.create(resource, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: resource.kind,
    metadata: { name, namespace: scene.world.namespace },
    spec: { vmRef: { name: account.name }, ...spec },
  } as never)
  of.push(name)
}

const oneOf = (all: readonly string[], pick: number): string | undefined => all[Math.floor(pick * 97) % Math.max(1, all.length)]

export const copyActs: Record<CopyAction, (doing: CopyDoing) => Promise<unknown>> = {
  async snapshot(doing) {
    doing.scene.ledger.ask(doing.account, {})
    await make(doing, proxmoxVMSnapshots, doing.account.snapshots, { withMemory: doing.pick < 0.3 })
  },
  async deleteSnapshot({ scene, account, pick }) {
    const name = oneOf(account.snapshots, pick)
    if (name === undefined) return
    scene.ledger.ask(account, {})
    account.snapshots.splice(account.snapshots.indexOf(name), 1)
    await scene.world.client.delete(proxmoxVMSnapshots, { namespace: scene.world.namespace, name })
  },
  async rollback({ account, pick, press }) {
    const name = oneOf(account.snapshots, pick)
    if (name !== undefined) await press('Rollback', { destroy: true }, { snapshotRef: { name } })
  },
  async makeBackup(doing) {
    const mode = doing.pick < 0.6 ? 'Snapshot' : 'Stop'
    // PVE itself stops the guest for it, and starts it again.
    doing.scene.ledger.ask(doing.account, {})
    await make(doing, proxmoxVMBackups, doing.account.copies, { mode })
  },
  async restore({ scene, account, pick }) {
    const name = oneOf(account.copies, pick)
    if (name === undefined) return
    scene.ledger.ask(account, { destroy: true })
    const restore = { requestID: `restore-${scene.number()}`, backupRef: { name } }
    await scene.world.edit(account.name, { spec: { restore } })
  },
}
