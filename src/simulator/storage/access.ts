import type { Call } from '../routes.ts'
import { factsOfName } from './volume.ts'

/** Whether the caller may see or use a volume (PVE::Storage check_volume_access). */
export function mayAccess(call: Call, storage: string, name: string): boolean {
  const { access, storage: table } = call.world
  const path = `/storage/${storage}`
  if (access.has(call.user, path, 'Datastore.Allocate')) return true
  const facts = factsOfName(name, table.isFileBased(storage))
  const { content = '', vmid } = facts ?? {}
  if (['iso', 'vztmpl', 'import'].includes(content)) return access.hasAny(call.user, path, ['Datastore.AllocateSpace', 'Datastore.Audit'])
  if (vmid === undefined) return false
  if (content === 'backup')
    return access.has(call.user, path, 'Datastore.AllocateSpace') && access.has(call.user, `/vms/${vmid}`, 'VM.Backup')
  return access.has(call.user, path, 'Datastore.Audit') && access.has(call.user, `/vms/${vmid}`, 'VM.Config.Disk')
}
