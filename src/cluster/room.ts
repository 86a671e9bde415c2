/** Room on storages: what a VM needs, what is left, and what may be promised beyond it (pure). */
import type { GuestRow, Listing, StorageRow } from '../proxmox/listing.ts'
import type { TemplateFacts } from './template-facts.ts'

const bytesPerMiB = 1024 * 1024

/** A VM that was promised a place and that the listing does not show, or not yet with its size. */
export interface Promised {
  readonly vmid: number
  readonly node: string
  readonly memoryMiB: number
  /** cores × sockets. */
  readonly cpus?: number
  readonly disks: readonly { readonly storage: string; readonly sizeMiB: number }[]
}

/** Storages that take what is written and not what is promised. */
const thinTypes: ReadonlySet<string> = new Set(['lvmthin', 'rbd'])

interface RoomWish {
  readonly storage: string
  readonly node: string
  /** With the size that the VM will have at most. */
  readonly neededMiB: number
  /** What the clone itself may write. */
  readonly copiedMiB: number
  /** ProxmoxCluster.spec.overcommit.storage, and the bytes of all disks there. */
  readonly ratio?: number | undefined
  readonly promisedMiB?: number | undefined
  /** Thin storages may be promised more than is free. */
  readonly mayOverdraw: boolean
}

/** Undefined: there is room. */
export function storageLack(wish: RoomWish, listing: Listing, promised: readonly Promised[]): Lack | undefined {
  const { storage, node, neededMiB } = wish
  const row = listing.storages.find((each) => each.storage === storage && each.node === node)
  if (row === undefined) return { text: `${node} has no storage ${storage}` }
  if (!row.available) return { text: `storage ${storage} is not available on ${node}` }
  if (!row.content.includes('images')) return { text: `storage ${storage} does not allow disk images` }
  const totalMiB = Math.floor(row.totalBytes / bytesPerMiB)
  const underWayMiB = promisedOn(row, listing, promised)
  // Read once the place is chosen, and then chosen again.
  if (wish.ratio !== undefined && wish.promisedMiB === undefined) return undefined
  if (wish.ratio !== undefined && wish.promisedMiB !== undefined && !Number.isNaN(wish.promisedMiB)) {
    const leftMiB = promisableMiB(row, wish.ratio, wish.promisedMiB) - underWayMiB
    return leftMiB >= neededMiB ? undefined : { storage, node, freeMiB: Math.max(0, leftMiB), neededMiB, ratio: wish.ratio }
  }
  const freeMiB = unusedMiB(row) - underWayMiB
  if (freeMiB >= neededMiB) return undefined
  const isThin = thinTypes.has(row.pluginType) && neededMiB <= totalMiB && wish.copiedMiB <= freeMiB
  if (isThin && wish.ratio === undefined && wish.mayOverdraw) return undefined
  return { storage, node, freeMiB: Math.max(0, freeMiB), neededMiB, ...(isThin && { isThin }) }
}

/** What overcommit.storage leaves of a storage whose disks have so much in all; negative: more is promised. */
export const promisableMiB = ({ totalBytes }: StorageRow, ratio: number, promisedMiB: number): number =>
  Math.floor(Math.floor(totalBytes / bytesPerMiB) * ratio) - promisedMiB

/** What is free, whatever may still be written into the disks there. */
export const unusedMiB = ({ totalBytes, usedBytes }: Pick<StorageRow, 'totalBytes' | 'usedBytes'>): number =>
  Math.floor(totalBytes / bytesPerMiB) - Math.ceil(usedBytes / bytesPerMiB)

/** Why a node cannot take the VM: no room, or anything else. */
export type Lack =
  | { readonly text: string }
  | {
      readonly storage: string
      readonly node: string
      readonly freeMiB: number
      readonly neededMiB: number
      readonly ratio?: number
      /** It could be promised all the same. */
      readonly isThin?: boolean
    }

/** `no node has room for 1500 GiB on storage fast: ams1 776 GiB free, ams2 766 GiB`. */
export function tellLacks(lacks: readonly Lack[]): string {
  const texts = lacks.flatMap((lack) => ('text' in lack ? [lack.text] : []))
  const rooms = lacks.flatMap((lack) => ('text' in lack ? [] : [lack]))
  const storages = [...new Set(rooms.map(({ storage }) => storage))].map((storage) => {
    const [first, ...others] = rooms.filter((room) => room.storage === storage)
    const free = [`${first?.node} ${inGiB(first?.freeMiB ?? 0)} free`, ...others.map(({ node, freeMiB }) => `${node} ${inGiB(freeMiB)}`)]
    return `no node has room for ${inGiB(first?.neededMiB ?? 0)} on storage ${storage}${first?.ratio === undefined ? '' : ` (overcommit.storage ${first.ratio})`}: ${free.join(', ')}`
  })
  return [...new Set([...storages, ...texts])].join('; ')
}

export const inGiB = (sizeMiB: number): string => `${Math.floor((sizeMiB / 1024) * 10) / 10} GiB`

/** The disks of a VM. */
export interface RoomNeeds {
  readonly linked: boolean
  readonly storage?: string
  readonly systemDiskMiB?: number
  readonly additionalDisks: readonly { readonly storage?: string; readonly sizeMiB: number }[]
}

/** MiB by storage. */
export function needs(source: TemplateFacts, wish: RoomNeeds): Map<string, number> {
  const needed = new Map<string, number>()
  const add = (storage: string, sizeMiB: number) => needed.set(storage, (needed.get(storage) ?? 0) + sizeMiB)
  const target = wish.linked ? undefined : wish.storage
  for (const disk of source.disks) {
    const wanted = disk === source.systemDisk ? Math.max(disk.sizeMiB, wish.systemDiskMiB ?? 0) : disk.sizeMiB
    add(target ?? disk.storage, wish.linked ? wanted - disk.sizeMiB : wanted)
  }
  for (const disk of wish.additionalDisks) {
    const storage = disk.storage ?? target ?? source.systemDisk?.storage
    if (storage !== undefined) add(storage, disk.sizeMiB)
  }
  return needed
}

/** What clones under way will still take: the listing's figures do not have it yet. */
export function promisedOn(row: StorageRow, listing: Listing, promised: readonly Promised[]): number {
  return promised
    .filter(({ node, vmid }) => (row.shared || node === row.node) && !isKnown(listing.guests.get(vmid)))
    .flatMap(({ disks }) => disks)
    .reduce((sum, disk) => sum + (disk.storage === row.storage ? disk.sizeMiB : 0), 0)
}

/** A guest that is copied or restored whole and has been seen by its node's statistics. */
export const isKnown = (guest: GuestRow | undefined): boolean =>
  guest !== undefined && guest.lock !== 'clone' && guest.lock !== 'create' && guest.status !== 'unknown'
