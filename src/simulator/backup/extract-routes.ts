// GET /nodes/{node}/vzdump/extractconfig and defaults (PVE::API2::VZDump).
import { checkVolumeAccess } from '../guests/disks.ts'
import { refuse } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import { volumePath } from '../storage/path.ts'
import { factsOfName, splitVolid } from '../storage/volume.ts'

function extractConfig(call: Call): string {
  const { world, user, node } = call
  const volid = str(call, 'volume') ?? ''
  checkVolumeAccess({ world, user, vmid: 0 }, volid)
  const parts = splitVolid(volid)
  const owner = parts && factsOfName(parts.name, world.storage.isFileBased(parts.storage))?.vmid
  if (parts) call.check(`/vms/${owner ?? ''}`, ['VM.Backup'])
  const storage = parts && world.storage.usable(parts.storage, node)
  const volume = world.storage.find(volid, node)
  if (volume?.archive) return volume.archive.text
  const path = storage && parts ? volumePath(storage, parts.name, 'backup') : volid
  return refuse(`command 'zstd -q -d -c ${path} | vma config -' failed: exit code 1`)
}

export const extractRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/{node}/vzdump/extractconfig', handler: extractConfig },
  {
    method: 'GET',
    path: '/nodes/{node}/vzdump/defaults',
    handler: () => ({
      mailnotification: 'always',
      mode: 'snapshot',
      compress: 'zstd',
      'prune-backups': { 'keep-all': 1 },
      remove: 1,
      zstd: 1,
    }),
  },
]
