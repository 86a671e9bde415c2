/** The note of a termination: when it was over and which addresses were given back. The record of the addresses outlives the VM. */
import { type ApiServer, Refused } from './api-server.ts'

const poolAddresses = '/apis/pve.hosting/v1alpha1/pooladdresses'

interface PoolAddress {
  readonly spec: {
    readonly address: string
    readonly history?: readonly { readonly namespace: string; readonly name: string; readonly uid: string; readonly to: string }[]
  }
}

export interface Note {
  /** RFC 3339. Absent: the VM never had an address of a pool, or the account may not read PoolAddresses. */
  readonly at?: string
  readonly addresses: readonly string[]
}

/** Of the last object of that name; asked again later it says the same. */
export async function terminationNote(api: ApiServer, vm: { namespace: string; name: string; serviceID: string }): Promise<Note> {
  const selector = encodeURIComponent(`pve.hosting/service-id=${vm.serviceID}`)
  const list = await api.get<{ items: PoolAddress[] }>(`${poolAddresses}?labelSelector=${selector}`).catch((fault: unknown) => {
    if (fault instanceof Refused && fault.status === 403) return undefined
    throw fault
  })
  const held = (list?.items ?? []).flatMap(({ spec }) =>
    (spec.history ?? [])
      .filter(({ namespace, name }) => namespace === vm.namespace && name === vm.name)
      .map(({ uid, to }) => ({ address: spec.address, uid, to })),
  )
  const last = held.toSorted((a, b) => a.to.localeCompare(b.to)).at(-1)
  if (!last) return { addresses: [] }
  return { at: last.to, addresses: held.filter(({ uid }) => uid === last.uid).map(({ address }) => address) }
}
