/** What is promised already, beyond what PVE's listing shows: bytes of disks, and guests without figures yet. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
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

/** With overcommit.storage the bytes of all disks count. True: something was read, and the place is chosen anew. */
export async function learnPromised(cluster: PveCluster, { node, source, wish }: Place, into: Map<string, number>): Promise<boolean> {
  if (cluster.spec.overcommit?.storage === undefined) return false
  const unread = [...needs(source, wish).keys()].filter((storage) => !into.has(`${node}/${storage}`))
  // Where PVE does not tell, nothing more may be promised than is free.
  for (const storage of unread) into.set(`${node}/${storage}`, (await cluster.promised.of(node, storage)) ?? Number.NaN)
  return unread.length > 0
}

/** Promises in flight, and the VMs of ours that are so young that their node has told no figures of them: those count as none. */
export function promisedPlaces(
  deps: Pick<Dependencies, 'inFlight' | 'vms'>,
  cluster: PveCluster,
  vm: ProxmoxVM,
  listing: Listing,
): Promised[] {
  const inFlight = deps.inFlight.of(cluster.name, vm.metadata.uid)
  const { memory, cpu } = cluster.spec.overcommit ?? {}
  if (memory === undefined && cpu === undefined) return inFlight
  const promised = new Set(inFlight.map(({ vmid }) => vmid))
  const young = new Set(
    [...listing.guests.values()].filter((guest) => guest.maxMemBytes === 0 && !promised.has(guest.vmid)).map(({ vmid }) => vmid),
  )
  if (young.size === 0) return inFlight
  const ofVms = deps.vms.list().flatMap(({ spec, status }): Promised[] => {
    const { vmid, node, package: merged } = status ?? {}
    if (vmid === undefined || node === undefined || spec.clusterRef.name !== cluster.name || !young.has(vmid)) return []
    const cpus = (merged?.cpu?.cores ?? 1) * (merged?.cpu?.sockets ?? 1)
    return [{ vmid, node, memoryMiB: merged?.memory?.size ? parseSizeMiB(merged.memory.size) : 0, cpus, disks: [] }]
  })
  return [...inFlight, ...ofVms]
}
