/** Each address that the panel holds is kept back for its service, since the panel goes on giving out addresses for weeks (pure). */
import { apiVersion } from '../../api/group.ts'
import type { IPPool } from '../../api/ippool.ts'
import { poolsWith } from '../adoption/guest-addresses.ts'
import { nameOfService, suspensionsOf, type PanelService } from './panel-list.ts'

/** As many as an IPPool takes. */
const mostReservations = 256

export interface Reserved {
  /** Parts of IPPools for server-side apply. */
  readonly manifests: readonly object[]
  readonly notes: readonly string[]
}

/** Also of services that are Pending or Terminated: the panel may give such an address to the next customer. */
export function reservationsFor(
  services: readonly PanelService[],
  pools: readonly IPPool[],
  o: { cluster: string; namespace: string },
): Reserved {
  const notes: string[] = []
  const byPool = new Map<string, { address: string; for: { namespace: string; name: string }; comment: string }[]>()
  const taken = new Map<string, PanelService>()
  for (const service of services)
    for (const address of service.addresses) {
      const other = taken.get(address)
      if (other) {
        const isLive = suspensionsOf(service) !== undefined && suspensionsOf(other) !== undefined
        notes.push(
          `${address} is of service ${other.serviceId} and of service ${service.serviceId}${isLive ? ', which both have a VM' : ''}`,
        )
        continue
      }
      taken.set(address, service)
      const [pool] = poolsWith(address, pools, o.cluster)
      if (!pool) notes.push(`${address} of service ${service.serviceId} is in no IPPool that serves ${o.cluster}`)
      else {
        const reservation = {
          address,
          for: { namespace: o.namespace, name: nameOfService(service) },
          comment: `service ${service.serviceId}, client ${service.clientId}`,
        }
        byPool.set(pool.metadata.name, [...(byPool.get(pool.metadata.name) ?? []), reservation])
      }
    }
  const manifests = [...byPool].map(([name, all]) => {
    if (all.length > mostReservations)
      notes.push(
        `IPPool ${name} takes ${mostReservations} reservations and the panel holds ${all.length} of its addresses; split the pool by range, or import in waves`,
      )
    return { apiVersion, kind: 'IPPool', metadata: { name }, spec: { reservations: all.slice(0, mostReservations) } }
  })
  return { manifests, notes }
}
