import type { Storage } from './table.ts'
import { ownName } from './volume.ts'

/** Folder of each kind of file below a directory storage (PVE::Storage::Plugin get_subdir). */
const folders: Readonly<Record<string, string>> = {
  images: 'images',
  backup: 'dump',
  iso: 'template/iso',
  vztmpl: 'template/cache',
  snippets: 'snippets',
  import: 'import',
}

/** Where the node finds the volume. `name` is the part of its id behind the colon. */
export function volumePath(storage: Storage, name: string, content: string): string {
  const own = ownName(name)
  const base = storage.properties['path'] ?? `/mnt/pve/${storage.storage}`
  switch (storage.type) {
    case 'lvm':
    case 'lvmthin':
      return `/dev/${storage.properties['vgname'] ?? 'pve'}/${own}`
    case 'zfspool':
      return `/dev/zvol/${storage.properties['pool'] ?? storage.storage}/${own}`
    case 'rbd':
      return `rbd:${storage.properties['pool'] ?? 'rbd'}/${own}:conf=/etc/pve/ceph.conf:id=admin:keyring=/etc/pve/priv/ceph/${storage.storage}.keyring`
    case 'dir':
    case 'nfs':
    case 'cifs':
    case 'btrfs':
    case 'pbs':
      return `${base}/${folders[content] ?? content}/${own.replace(/^(backup|iso|vztmpl|snippets|import)\//, '')}`
  }
}
