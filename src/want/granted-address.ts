/** An address as the pools granted it, with what goes with its wire. */
export interface GrantedAddress {
  readonly entry: string
  readonly family: 'IPv4' | 'IPv6'
  readonly address: string
  readonly prefixLength: number
  readonly gateway?: string
  readonly nameservers: readonly string[]
  readonly searchDomain?: string
  readonly bridge?: string
  readonly vlan?: number
  readonly pool: string
}
