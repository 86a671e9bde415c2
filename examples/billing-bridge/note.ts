/** What the record of the addresses says of a VM that was terminated: when it was over, what was given back, and what is still held. It outlives the VM. */
import { type ApiServer, Refused } from './api-server.ts'

const poolAddresses = '/apis/pve.hosting/v1alpha1/pooladdresses'

interface PoolAddress {
  readonly spec: {
    readonly address: string
    readonly claimRef?: { readonly namespace: string; readonly name: string; readonly uid: string }
    /** The VM stays in PVE because the order said so (deletionPolicy Orphan). */
    readonly orphaned?: boolean
    readonly history?: readonly { readonly namespace: string; readonly name: string; readonly uid: string; readonly to: string }[]
  }
}

export interface Note {
  /** RFC 3339. Absent: the VM never had an address of a pool, or the account may not read PoolAddresses. */
  readonly at?: string
  readonly addresses: readonly string[]
}

/** An address that the record gives to an object of that name. The operator takes it back before it lets the object go. */
export interface Held {
  readonly address: string
  /** Of the object. */
  readonly uid: string
}

/** The note is that of the last object of that name; asked again later it says the same. */
export async function terminationRecord(
  api: ApiServer,
  vm: { namespace: string; name: string; serviceID: string },
): Promise<{ note: Note; held: Held[] }> {
  const selector = encodeURIComponent(`pve.hosting/service-id=${vm.serviceID}`)
  const list = await api.get<{ items: PoolAddress[] }>(`${poolAddresses}?labelSelector=${selector}`).catch((fault: unknown) => {
    if (fault instanceof Refused && fault.status === 403) return undefined
    throw fault
  })
  const items = list?.items ?? []
  const isOurs = ({ namespace, name }: { namespace: string; name: string }): boolean => namespace === vm.namespace && name === vm.name
  const held = items.flatMap(({ spec: { address, claimRef, orphaned } }) =>
    claimRef && isOurs(claimRef) && !orphaned ? [{ address, uid: claimRef.uid }] : [],
  )
  const former = items.flatMap(({ spec }) => (spec.history ?? []).filter(isOurs).map(({ uid, to }) => ({ address: spec.address, uid, to })))
  const last = former.toSorted((a, b) => a.to.localeCompare(b.to)).at(-1)
  if (!last) return { note: { addresses: [] }, held }
  return { note: { at: last.to, addresses: former.filter(({ uid }) => uid === last.uid).map(({ address }) => address) }, held }
}
