import { paramError, refuse } from '../http/refusal.ts'
import { checkLock, flockPath, loadGuest } from '../guests/find.ts'
import { type Call, str } from '../routes.ts'
import { splitList } from '../schema/named.ts'

/** POST vzdump: a backup file on the storage, `lock: backup` meanwhile. */
export function vzdump(call: Call): string {
  const { world, node, user } = call
  const vmids = splitList(str(call, 'vmid') ?? '').map(Number)
  if (vmids.length === 0 && str(call, 'all') === undefined && str(call, 'pool') === undefined)
    throw paramError({ vmid: 'property is missing' })
  const storage = str(call, 'storage') ?? 'local'
  call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
  const found = world.storage.usable(storage, node)
  if (!found.content.includes('backup')) refuse(`storage '${storage}' does not support content-type 'backup'`)
  const id = vmids.length === 1 ? String(vmids[0]) : ''
  const task = world.tasks.start({ node, type: 'vzdump', id, user: user.id, fault: call.fault?.task }, async (worker) => {
    if (world.spec.quirks?.backupFails !== undefined) refuse(world.spec.quirks.backupFails)
    for (const vmid of vmids) {
      call.check(`/vms/${vmid}`, ['VM.Backup'])
      const release = await worker.lock(flockPath(vmid), 10_000)
      const guest = loadGuest(world, node, vmid)
      checkLock(guest)
      guest.config.set('lock', 'backup')
      release()
      worker.log(`INFO: Starting Backup of VM ${vmid} (qemu)`)
      try {
        await worker.work(world.spec.durations.backupMs)
      } finally {
        guest.config.delete('lock')
      }
      const date = new Date(world.clock.now()).toISOString().slice(0, 19).replaceAll('-', '_').replace('T', '-').replaceAll(':', '_')
      const name = `backup/vzdump-qemu-${vmid}-${date}.vma.zst`
      world.storage.add({
        storage,
        node: found.shared ? undefined : node,
        name,
        format: 'vma.zst',
        sizeBytes: 1024 ** 3,
        usedBytes: 1024 ** 3,
        content: 'backup',
        vmid,
      })
      worker.log(`INFO: Finished Backup of VM ${vmid}`)
    }
  })
  return task.upid
}
