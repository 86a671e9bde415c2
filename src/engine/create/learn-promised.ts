/** What is promised already, beyond what PVE's listing shows: bytes of disks, and guests without figures yet. */
import { parseSizeMiB } from '../../api/size.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { PlacementWish } from '../../cluster/placement.ts'
import { needs, type Promised } from '../../cluster/room.ts'
import type { TemplateFacts } from '../../cluster/template-facts.ts'
import type { Listing } from '../../proxmox/listing.ts'
import type { Dependencies } from '../dependencies.ts'

interface Place {
  readonly node: string
  readonly source: TemplateFacts
  readonly wish: PlacementWish
}

/**
 * With overcommit.storage the bytes of all disks count. A promise: something is being read, and the place is chosen again afterwards. Undefined:
 * all is known; answered at once, since between the choice of a place and its promise nobody else may choose.
 */
export function learnPromised(cluster: PveCluster, { node, source, wish }: Place, into: Map<string, number>): Promise<void> | undefined {
  if (cluster.spec.overcommit?.storage === undefined) return undefined
  const unread = [...needs(source, wish).keys()].filter((storage) => !into.has(`${node}/${storage}`))
  return unread.length === 0 ? undefined : read(cluster, node, unread, into)
}

async function read(cluster: PveCluster, node: string, storages: readonly string[], into: Map<string, number>): Promise<void> {
  // Where PVE does not tell, nothing more may be promised than is free.
  for (const storage of storages) into.set(`${node}/${storage}`, (await cluster.promised.of(node, storage)) ?? Number.NaN)
}

/** Promises in flight, and the VMs of ours that are too young for the listing, or for figures in it: there they would count as none. */
export function promisedPlaces(
  deps: Pick<Dependencies, 'inFlight' | 'vms'>,
  cluster: Pick<PveCluster, 'name' | 'spec'>,
  /** This one is placed now, and in nobody's way. */
  exceptUid: string | undefined,
  listing: Listing,
): Promised[] {
  const inFlight = deps.inFlight.of(cluster.name, exceptUid)
  const { memory, cpu } = cluster.spec.overcommit ?? {}
  if (memory === undefined && cpu === undefined) return inFlight
  const promised = new Set(inFlight.map((place) => place.vmid))
  const ofVms = deps.vms.list().flatMap(({ spec, status, metadata }): Promised[] => {
    const { vmid, node, removedAt, package: merged } = status ?? {}
    if (vmid === undefined || node === undefined || removedAt !== undefined || promised.has(vmid)) return []
    const isKnown = (listing.guests.get(vmid)?.maxMemBytes ?? 0) > 0
    if (isKnown || spec.clusterRef.name !== cluster.name || metadata.uid === exceptUid) return []
    const cpus = (merged?.cpu?.cores ?? 1) * (merged?.cpu?.sockets ?? 1)
    return [{ vmid, node, memoryMiB: merged?.memory?.size ? parseSizeMiB(merged.memory.size) : 0, cpus, disks: [] }]
  })
  return [...inFlight, ...ofVms]
}
