import type { FirewallFile } from '../firewall/file.ts'

/** One volume. `name` is the part of the volid behind the colon. */
export interface Volume {
  storage: string
  /** Undefined on shared storages. */
  node: string | undefined
  name: string
  format: string
  /** What a guest sees, in bytes. */
  sizeBytes: number
  /** What is written, in bytes; thin storages are accounted by it. */
  usedBytes: number
  content: string
  vmid: number | undefined
  /** Base of a linked clone: name on the same storage. */
  parent?: string
  ctime: number
  notes?: string
  isProtected?: boolean
  /** Of a snapshot on a Proxmox Backup Server: what its last verification found, and the fingerprint of the key it is encrypted with. */
  verification?: 'ok' | 'failed'
  encrypted?: string
  /** Of a backup: what is in it; a file without it is no archive that could be read. */
  archive?: Archive
}

/** What vzdump put into an archive. */
export interface Archive {
  config: Map<string, string>
  /** The configuration as `extractconfig` gives it out. */
  text: string
  disks: { key: string; storage: string; format: string; sizeBytes: number; usedBytes: number; isCloudInit: boolean }[]
  firewall?: FirewallFile
}

export function volidOf(volume: Volume): string {
  return `${volume.storage}:${volume.name}`
}

/** `local:100/vm-100-disk-0.qcow2` → its two halves; undefined when the text is no volume id. */
export function splitVolid(volid: string): { storage: string; name: string } | undefined {
  const match = /^([a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]):(.+)$/.exec(volid)
  return match ? { storage: match[1] as string, name: match[2] as string } : undefined
}

/** Directory storages name a linked clone `BASE/OWN`; the volume itself is the last part (PVE::Storage::Plugin parse_volname). */
export function ownName(name: string): string {
  const match = /^(\d+\/base-\d+-[^/]+|base-\d+-[^/]+)\/((?:\d+\/)?[^/]+)$/.exec(name)
  return match ? (match[2] as string) : name
}

export interface NameFacts {
  content: string
  vmid: number | undefined
  format: string | undefined
  isBase: boolean
}

/** What a volume's name says, or undefined when no plugin would parse it. */
export function factsOfName(name: string, isFile: boolean): NameFacts | undefined {
  const own = ownName(name)
  let match = /^backup\/(vzdump-(?:qemu|lxc|openvz)-(\d+)-[^/]+\.(tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?))$/.exec(own)
  if (match) return { content: 'backup', vmid: Number(match[2]), format: match[3], isBase: false }
  match = /^backup\/vm\/(\d+)\/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.exec(own)
  if (match) return { content: 'backup', vmid: Number(match[1]), format: 'pbs-vm', isBase: false }
  match = /^backup\/[^/]+\.(tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?)$/.exec(own)
  if (match) return { content: 'backup', vmid: undefined, format: match[1], isBase: false }
  match = /^iso\/[^/]+\.(iso|img)$/i.exec(own)
  if (match) return { content: 'iso', vmid: undefined, format: 'iso', isBase: false }
  match = /^import\/[^/]+\.(ova|ovf|qcow2|raw|vmdk)$/.exec(own)
  if (match) return { content: 'import', vmid: undefined, format: match[1], isBase: false }
  match = /^vztmpl\/[^/]+\.(tar\.(?:gz|xz|zst))$/.exec(own)
  if (match) return { content: 'vztmpl', vmid: undefined, format: match[1], isBase: false }
  if (/^snippets\/[^/]+$/.test(own)) return { content: 'snippets', vmid: undefined, format: 'snippet', isBase: false }
  if (isFile) {
    match = /^(\d+)\/((?:vm|base)-[^/]+|[^/]+)\.(raw|qcow2|vmdk|subvol)$/.exec(own)
    return match
      ? { content: 'images', vmid: Number(match[1]), format: match[3], isBase: (match[2] as string).startsWith('base-') }
      : undefined
  }
  match = /^(vm|base)-(\d+)-[^/\s]+$/.exec(own)
  return match ? { content: 'images', vmid: Number(match[2]), format: undefined, isBase: match[1] === 'base' } : undefined
}
