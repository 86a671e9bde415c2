/** How much the nodes and storages of a listing have, and how much is given away. Pure. */
import type { Listing } from '../proxmox/listing.ts'
import { committedBytes } from './placement.ts'

export interface Capacity {
  readonly nodes: readonly { readonly node: string; readonly totalBytes: number; readonly committedBytes: number }[]
  /** `node` is empty for a shared storage. */
  readonly storages: readonly { readonly storage: string; readonly node: string; readonly totalBytes: number; readonly usedBytes: number }[]
}

/** Nodes that tell nothing (off, or no right to see it) and storages without disks are left out. */
export function capacityOf(listing: Listing): Capacity {
  const nodes = [...listing.nodes.values()].filter(({ online, maxMemBytes }) => online && maxMemBytes > 0)
  const storages = new Map(
    listing.storages
      .filter(({ content, available, totalBytes }) => available && totalBytes > 0 && content.includes('images'))
      .map(({ storage, node, shared, totalBytes, usedBytes }) => {
        const at = shared ? '' : node
        return [`${storage}/${at}`, { storage, node: at, totalBytes, usedBytes }]
      }),
  )
  return {
    nodes: nodes.map(({ node, maxMemBytes }) => ({ node, totalBytes: maxMemBytes, committedBytes: committedBytes(node, listing, []) })),
    storages: [...storages.values()],
  }
}
