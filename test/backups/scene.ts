/** What tests of backups have in common: a world with a backup server and a directory, and the objects. */
import { proxmoxVMBackups } from '../../src/api/meta.ts'
import type { ProxmoxVMBackup } from '../../src/api/proxmoxvmbackup.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'

/** The default preset has the directory `local` on each node; this adds a backup server that every node reaches, and waits until it is listed. */
export async function addBackupServer(world: TestWorld): Promise<void> {
  world.simulator.world.storage.define({ storage: 'pbs', type: 'pbs', content: ['backup'], sizeBytes: 20 * 1024 ** 4 })
  const listing = () => world.operator?.operator.clusters.directory.get(world.cluster)?.inventory.current()
  await until('the backup server is listed', () => listing()?.storages.some(({ storage }) => storage === 'pbs'))
}

export async function aBackup(world: TestWorld, name: string, vm: string, spec: object = {}): Promise<ProxmoxVMBackup> {
  return await world.client.create(proxmoxVMBackups, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMBackup',
    metadata: { name, namespace: world.namespace },
    spec: { vmRef: { name: vm }, ...spec },
  })
}

export const backupOf = async (world: TestWorld, name: string): Promise<ProxmoxVMBackup | undefined> =>
  await world.client.get(proxmoxVMBackups, { namespace: world.namespace, name })

export const readyOf = (backup: ProxmoxVMBackup | undefined) => backup?.status?.conditions?.find(({ type }) => type === 'Ready')

export async function untilBackup(
  world: TestWorld,
  name: string,
  status: 'True' | 'False',
  reason?: string,
  seconds = 60,
): Promise<ProxmoxVMBackup> {
  let last: ProxmoxVMBackup | undefined
  return await until(
    `backup ${name} is Ready=${status}${reason === undefined ? '' : `/${reason}`}`,
    async () => {
      last = await backupOf(world, name)
      const ready = readyOf(last)
      return ready?.status === status && (reason === undefined || ready.reason === reason) ? last : undefined
    },
    { seconds, describe: () => last?.status },
  )
}

export async function untilBackupGone(world: TestWorld, name: string): Promise<void> {
  let last: ProxmoxVMBackup | undefined
  await until(`backup ${name} is gone`, async () => (last = await backupOf(world, name)) === undefined, {
    seconds: 60,
    describe: () => last,
  })
}

export const editBackup = async (world: TestWorld, name: string, spec: object): Promise<void> =>
  void (await world.client.mergePatch(proxmoxVMBackups, { namespace: world.namespace, name }, { spec }))

export const deleteBackupObject = async (world: TestWorld, name: string): Promise<void> =>
  await world.client.delete(proxmoxVMBackups, { namespace: world.namespace, name })

/** Every restore that is asked of PVE from now on has such a task; absent: none is disturbed any more. */
export function restoresWith(world: TestWorld, task?: object): void {
  world.operator?.wire.judgedBy((write) => (task && write.what === 'POST /nodes/{node}/qemu' ? { plan: { task } } : 'pass'))
}

/**
 * Waits while the operator's clock runs ahead, over the longest pause between two tries each time. Not while a pass is under way, and not faster
 * than PVE answers: a listing that is on its way for five minutes of that clock is none.
 */
export async function untilRetried<T>(world: TestWorld, what: string, look: () => T | Promise<T>, o: Parameters<typeof until>[2] = {}) {
  return await until(
    what,
    async () => {
      if (world.operator?.operator.queue.running === 0) world.clock.skip(31_000)
      return await look()
    },
    { everyMs: 250, ...o },
  )
}

/** Deletes the VM, and waits until its object is gone. */
export async function endOf(world: TestWorld, name: string): Promise<void> {
  await world.delete(name)
  await untilRetried(world, `${name} is gone`, async () => (await world.vm(name)) === undefined)
}

/** Backup files of the VM in PVE. */
export const filesOf = ({ simulator }: TestWorld, { status }: ProxmoxVM) =>
  simulator.world.storage.ownedBy(status?.vmid ?? 0).filter(({ content }) => content === 'backup')
