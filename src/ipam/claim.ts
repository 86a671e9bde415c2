/** Who asks for an address, for what, and what the answer is. */
import type { Reason } from '../api/reasons.ts'
import type { Family } from './address.ts'

export interface Claimant {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly labels: Record<string, string>
  /** The guest it is for: an address that this very guest was seen with is its own. */
  readonly vmid?: number | undefined
  /** The ProxmoxCluster of the VM. */
  readonly cluster?: string | undefined
}

/** One entry of spec.addresses of a ProxmoxVM. */
export interface Entry {
  readonly name: string
  readonly pool: string
  /** The address asked for by name: granted or reported, never replaced by another. */
  readonly address?: string | undefined
  /**
   * The address status.addresses has for this entry and pool. It is what the guest was given, so if the PoolAddress is lost
   * (deleted by force, an old etcd backup) this one is taken again, and nobody gets another in silence.
   */
  readonly recorded?: string | undefined
}

export type Grant = {
  is: 'granted'
  entry: string
  family: Family
  address: string
  prefixLength: number
  gateway?: string
  nameservers: string[]
  searchDomain?: string
  bridge?: string
  vlan?: number
  pool: string
}

/** `waiting`: time or a release helps. `refused`: somebody must change the VM or the pool. Either way the claimant is woken when it may help to ask again. */
export type ClaimRefusal = { is: 'waiting' | 'refused'; entry: string; reason: Reason; message: string }

export const keyOfClaimant = ({ namespace, name }: Pick<Claimant, 'namespace' | 'name'>): string => `${namespace}/${name}`
