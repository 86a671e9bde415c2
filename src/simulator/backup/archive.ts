// What a vzdump archive holds: the guest's configuration, its disks and its firewall file as they were.
import { copyFirewall } from '../firewall/file.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive, volumeOf } from '../guests/drive.ts'
import { configText, type Guest, noChanges, type Section } from '../guests/guest.ts'
import type { Archive } from '../storage/volume.ts'
import type { World } from '../world/world.ts'

/** Makes the content of a backup; disks with `backup=0` are left out, as are unused ones. */
export function archiveOf(world: World, guest: Guest): Archive {
  const disks: Archive['disks'] = []
  for (const [key, text] of guest.config) {
    const drive = isDriveKey(key) ? parseDrive(key, text) : undefined
    const volume = drive && !isCdrom(drive, true) ? world.storage.find(volumeOf(drive) ?? '', guest.node) : undefined
    if (!drive || !volume || drive['backup'] === '0') continue
    const { storage, format, sizeBytes, usedBytes } = volume
    disks.push({ key, storage, format, sizeBytes, usedBytes, isCloudInit: isCloudInit(drive) })
  }
  const config: Section = new Map([...guest.config].filter(([key]) => key !== 'lock'))
  const file = world.firewall.get(guest.vmid)
  return { config, text: archivedText(guest, config, disks), disks, ...(file ? { firewall: copyFirewall(file) } : {}) }
}

/** The configuration with the lines that say where the disks were (PVE::VZDump::QemuServer assemble). */
function archivedText(guest: Guest, config: Section, disks: Archive['disks']): string {
  const snapshots = guest.snapshots.size > 0 ? '#vzdump#snapshot\n' : ''
  const map = disks
    .filter((disk) => !disk.isCloudInit)
    .map(({ key, storage, format }) => `#qmdump#map:${key}:drive-${key}:${storage}:${format}:\n`)
  return (
    configText({ config, pending: new Map(), deletions: new Map(), snapshots: new Map(), cloudInitChanges: noChanges() }) +
    snapshots +
    map.join('')
  )
}
