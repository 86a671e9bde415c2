import { refuse } from '../http/refusal.ts'
import type { StorageSpec, VolumeSpec } from '../world/spec.ts'
import { factsOfName, ownName, splitVolid, volidOf, type Volume } from './volume.ts'

const GiB = 1024 ** 3
const fileTypes = new Set(['dir', 'nfs', 'cifs', 'btrfs'])

/** A storage as the administrator defined it, with the switches of the simulator. */
export interface Storage extends StorageSpec {
  shared: boolean
  disabled: boolean
  properties: Record<string, string>
  /** False: not reachable, as a dead NFS server. */
  online: boolean
}

/** All storages and volumes of the cluster. */
export class StorageTable {
  readonly definitions = new Map<string, Storage>()
  readonly #volumes = new Map<string, Volume>()
  readonly #byOwner = new Map<number, Set<Volume>>()
  readonly #used = new Map<string, number>()
  readonly #now: () => number

  constructor(definitions: readonly StorageSpec[], now: () => number) {
    this.#now = now
    for (const spec of definitions) this.define(spec)
  }

  /** Adds a storage as its definition says. */
  define(spec: StorageSpec): void {
    const shared = spec.shared ?? ['nfs', 'cifs', 'rbd', 'pbs'].includes(spec.type)
    const { disabled = false, properties = {} } = spec
    this.definitions.set(spec.storage, { ...spec, shared, disabled, properties, online: true })
  }

  isFileBased(storage: string): boolean {
    return fileTypes.has(this.definitions.get(storage)?.type ?? '')
  }

  /** Whether space is taken only for what is written. */
  isThin(storage: string): boolean {
    return this.definitions.get(storage)?.type !== 'lvm'
  }

  /** The storage if it can be used on the node; PVE's refusals otherwise (PVE::Storage storage_check_enabled). */
  usable(storage: string, node: string): Storage {
    const found = this.definitions.get(storage)
    if (!found) refuse(`storage '${storage}' does not exist`)
    if (found.disabled) refuse(`storage '${storage}' is disabled`)
    if (found.nodes && !found.nodes.includes(node)) refuse(`storage '${storage}' is not available on node '${node}'`)
    return found
  }

  /** Storages a node lists, enabled or not. */
  onNode(node: string): Storage[] {
    return [...this.definitions.values()].filter((s) => !s.nodes || s.nodes.includes(node))
  }

  /** Those that are enabled. */
  usableOn(node: string): Storage[] {
    return this.onNode(node).filter(({ disabled }) => !disabled)
  }

  find(volid: string, node: string): Volume | undefined {
    const parts = splitVolid(volid)
    if (!parts) return undefined
    return this.#volumes.get(this.#key(parts.storage, node, ownName(parts.name)))
  }

  add(volume: Omit<Volume, 'ctime' | 'usedBytes'> & { ctime?: number; usedBytes?: number }): Volume {
    const full: Volume = { ...volume, ctime: volume.ctime ?? Math.floor(this.#now() / 1000), usedBytes: volume.usedBytes ?? 0 }
    const key = this.#key(full.storage, full.node ?? '', ownName(full.name))
    this.#volumes.set(key, full)
    if (full.vmid !== undefined) {
      const owned = this.#byOwner.get(full.vmid) ?? new Set()
      owned.add(full)
      this.#byOwner.set(full.vmid, owned)
    }
    this.#account(full, 1)
    return full
  }

  remove(volume: Volume): void {
    this.#volumes.delete(this.#key(volume.storage, volume.node ?? '', ownName(volume.name)))
    if (volume.vmid !== undefined) {
      const owned = this.#byOwner.get(volume.vmid)
      owned?.delete(volume)
      if (owned?.size === 0) this.#byOwner.delete(volume.vmid)
    }
    this.#account(volume, -1)
  }

  /** Gives a volume another name or size. */
  change(volume: Volume, change: Partial<Pick<Volume, 'name' | 'sizeBytes' | 'usedBytes' | 'format' | 'vmid' | 'parent'>>): Volume {
    this.remove(volume)
    return this.add({ ...volume, ...change })
  }

  all(): IterableIterator<Volume> {
    return this.#volumes.values()
  }

  ownedBy(vmid: number): Volume[] {
    return [...(this.#byOwner.get(vmid) ?? [])]
  }

  /** Volumes whose base is this one. */
  childrenOf(base: Volume): Volume[] {
    return [...this.#volumes.values()].filter((v) => v.storage === base.storage && v.node === base.node && v.parent === ownName(base.name))
  }

  listed(storage: string, node: string): Volume[] {
    const shared = this.definitions.get(storage)?.shared
    return [...this.#volumes.values()].filter((v) => v.storage === storage && (shared || v.node === node))
  }

  usage(storage: string, node: string): { totalBytes: number; usedBytes: number; availableBytes: number } {
    const found = this.definitions.get(storage)
    const totalBytes = found?.sizeBytes ?? 0
    const usedBytes = Math.min(totalBytes, (found?.usedBytes ?? 0) + (this.#used.get(this.#place(storage, node)) ?? 0))
    return { totalBytes, usedBytes, availableBytes: totalBytes - usedBytes }
  }

  /** Refuses with the plugin's own words when `bytes` more do not fit. */
  mustFit(storage: string, node: string, name: string, bytes: number): void {
    const { availableBytes } = this.usage(storage, node)
    const found = this.definitions.get(storage) as Storage
    if (bytes <= availableBytes) return
    if (found.type === 'lvm' || found.type === 'lvmthin') {
      const extents = (x: number) => Math.ceil(x / (4 * 1024 ** 2))
      const vg = found.properties['vgname'] ?? 'pve'
      refuse(
        `lvcreate '${vg}/${name}' error:   Volume group "${vg}" has insufficient free space (${extents(availableBytes)} extents): ${extents(bytes)} required.`,
      )
    }
    if (found.type === 'zfspool') refuse(`zfs error: cannot create '${found.properties['pool'] ?? storage}/${name}': out of space`)
    if (found.type === 'rbd') refuse(`rbd create '${name}' error: rbd: create error: (28) No space left on device`)
    refuse(
      `unable to create image: qemu-img: ${found.properties['path'] ?? ''}/images/${name}: Could not resize file: No space left on device`,
    )
  }

  /** Lowest free `vm-ID-disk-N` on the storage (PVE::Storage::Plugin find_free_diskname). */
  freeName(storage: string, node: string, vmid: number, format: string): string {
    const used = new Set<number>()
    for (const volume of this.#byOwner.get(vmid) ?? []) {
      if (volume.storage !== storage || (volume.node !== undefined && volume.node !== node)) continue
      const match = /(?:vm|base|subvol|basevol)-(\d+)-disk-(\d+)/.exec(ownName(volume.name))
      if (match && Number(match[1]) === vmid) used.add(Number(match[2]))
    }
    let n = 0
    while (used.has(n)) n++
    return this.isFileBased(storage) ? `${vmid}/vm-${vmid}-disk-${n}.${format}` : `vm-${vmid}-disk-${n}`
  }

  /** Rounds up as the storage does: LVM to 4 MiB extents, ZFS and RBD to 1 MiB, files to 1 KiB. */
  rounded(storage: string, bytes: number): number {
    const type = this.definitions.get(storage)?.type
    const unit = type === 'lvm' || type === 'lvmthin' ? 4 * 1024 ** 2 : type === 'zfspool' || type === 'rbd' ? 1024 ** 2 : 1024
    return Math.ceil(bytes / unit) * unit
  }

  /** The format a new image gets: what was asked for if the storage knows it, else its default. */
  formatFor(storage: string, wanted: string | undefined): string {
    if (!this.isFileBased(storage)) return 'raw'
    return wanted !== undefined && ['raw', 'qcow2', 'vmdk'].includes(wanted) ? wanted : 'raw'
  }

  /** A spec's volume, or the volume behind a spec guest's drive. */
  addFromSpec(spec: VolumeSpec): Volume {
    const parts = splitVolid(spec.volid)
    const storage = parts && this.definitions.get(parts.storage)
    const facts = parts && storage ? factsOfName(parts.name, fileTypes.has(storage.type)) : undefined
    if (!parts || !storage || !facts) throw new Error(`the volume '${spec.volid}' has no name its storage could parse`)
    const volume: Parameters<StorageTable['add']>[0] = {
      storage: parts.storage,
      node: storage.shared ? undefined : (spec.node ?? ''),
      name: parts.name,
      format: spec.format ?? facts.format ?? 'raw',
      sizeBytes: spec.sizeBytes,
      usedBytes: spec.usedBytes ?? Math.min(spec.sizeBytes, 2 * GiB),
      content: facts.content,
      vmid: facts.vmid,
    }
    if (spec.ctime !== undefined) volume.ctime = spec.ctime
    if (spec.notes !== undefined) volume.notes = spec.notes
    if (spec.protected) volume.isProtected = true
    return this.add(volume)
  }

  #key(storage: string, node: string, name: string): string {
    return `${this.#place(storage, node)}:${name}`
  }

  #place(storage: string, node: string): string {
    return this.definitions.get(storage)?.shared ? storage : `${storage}@${node}`
  }

  #account(volume: Volume, sign: number): void {
    const place = this.#place(volume.storage, volume.node ?? '')
    const bytes = this.isThin(volume.storage) ? volume.usedBytes : volume.sizeBytes
    this.#used.set(place, (this.#used.get(place) ?? 0) + sign * bytes)
  }
}

export { volidOf }
