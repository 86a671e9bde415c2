import { type Call, str } from '../routes.ts'
import { checkSnippets, cloudInitKey, regenerate } from './cloudinit.ts'
import { cloudInitText } from './cloudinit-text.ts'
import { checkLock, flockPath, loadGuest } from './find.ts'
import { apiValue } from './view.ts'

/** Options the view lists one by one (PVE::API2::Qemu $cloudinitoptions). */
const listed = 'cicustom cipassword citype ciuser ciupgrade nameserver searchdomain sshkeys'.split(' ')

/** GET cloudinit: what the drive says against what the config says (PVE::API2::Qemu cloudinit_pending). */
export function cloudInitView(call: Call): Record<string, unknown>[] {
  const { config, cloudInitChanges } = loadGuest(call.world, call.node, call.vmid)
  const { added, recorded } = cloudInitChanges
  const set = (key: string): boolean => config.has(key) && config.get(key) !== '0'
  return [
    ...[...added].toSorted().map((key) => ({ key, pending: config.has(key) ? apiValue(key, config.get(key) ?? '') : null })),
    ...listed
      .filter((key) => set(key) && !added.has(key))
      .map((key) => {
        const wanted = apiValue(key, config.get(key) ?? '')
        const old = recorded.get(key)
        return old === undefined ? { key, value: wanted } : { key, value: apiValue(key, old), pending: wanted }
      }),
    ...[...recorded.keys()].filter((key) => !set(key)).map((key) => ({ key, delete: 1 })),
  ]
}

/** PUT cloudinit: the medium is written anew and swapped. */
export async function putCloudInit(call: Call): Promise<null> {
  const release = await call.world.flocks.take(flockPath(call.vmid), 10_000)
  try {
    const guest = loadGuest(call.world, call.node, call.vmid)
    checkLock(guest)
    if (cloudInitKey(guest.config) !== undefined) {
      checkSnippets(call.world, call.node, guest)
      regenerate(guest)
    }
    return null
  } finally {
    release()
  }
}

/** GET cloudinit/dump. */
export function dumpCloudInit(call: Call): string {
  const guest = loadGuest(call.world, call.node, call.vmid)
  const showsPassword = call.world.access.has(call.user, `/vms/${guest.vmid}`, 'VM.Config.Cloudinit')
  return cloudInitText(call.world, guest, str(call, 'type') ?? 'user', showsPassword)
}
