/** Which guest of PVE each service of the panel is: told by two of VMID, address, MAC address and name (pure). */
import type { ListedGuest } from '../../api/guest-list.ts'
import { addressesInForce } from '../../api/held-addresses.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { canonical } from '../../ipam/address.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { optionsOfGuest } from '../adoption/guest-package.ts'
import type { PanelService } from './panel-list.ts'

/** A guest by what services are matched with: free in PVE, or the VM of an object of ours. */
export interface Candidate {
  readonly vmid: number
  readonly macAddress?: string
  readonly addresses: readonly string[]
  readonly name?: string
  /** Its ProxmoxVM, `namespace/name`. */
  readonly owner?: string
  readonly guest?: ListedGuest
}

export type ServiceMatch = { readonly service: PanelService } & (
  | { readonly is: 'matched'; readonly candidate: Candidate; readonly by: readonly string[]; readonly differs: readonly string[] }
  /** A person must say. */
  | { readonly is: 'unclear'; readonly why: string }
  | { readonly is: 'missing' }
)

export function candidateOf(guest: ListedGuest): Candidate {
  const options = optionsOfGuest(guest)
  const { macAddress } = parseNet(options['net0'] ?? '')
  const name = options['name']?.toLowerCase()
  return {
    vmid: guest.vmid,
    ...(macAddress !== undefined && { macAddress: macAddress.toUpperCase() }),
    addresses: guest.addresses.map(canonical),
    ...(name !== undefined && { name }),
    guest,
  }
}

/** The VM of an object of ours, with what its status says; an address that is being released is not its any more. */
export function candidateOfOurs({ metadata, status }: ProxmoxVM): Candidate[] {
  if (status?.vmid === undefined || status.released !== undefined) return []
  const macAddress = status.interfaces?.[0]?.macAddress
  return [
    {
      vmid: status.vmid,
      ...(macAddress && { macAddress: macAddress.toUpperCase() }),
      addresses: addressesInForce(status).map(canonical),
      ...(status.vmName && { name: status.vmName.toLowerCase() }),
      owner: `${metadata.namespace}/${metadata.name}`,
    },
  ]
}

const enough = 2

export function matchServices(services: readonly PanelService[], candidates: readonly Candidate[]): ServiceMatch[] {
  const matches = services.map((service) => matchOf(service, candidates))
  const users = new Map<number, PanelService[]>()
  for (const match of matches)
    if (match.is === 'matched') users.set(match.candidate.vmid, [...(users.get(match.candidate.vmid) ?? []), match.service])
  return matches.map((match) => {
    const others = match.is === 'matched' ? (users.get(match.candidate.vmid) ?? []) : []
    if (match.is !== 'matched' || others.length < 2) return match
    const named = others.map(({ serviceId, line }) => `${serviceId} (line ${line})`).join(' and ')
    return { is: 'unclear', service: match.service, why: `services ${named} are both VM ${match.candidate.vmid}; correct the list` }
  })
}

function matchOf(service: PanelService, candidates: readonly Candidate[]): ServiceMatch {
  const told = candidates.map((candidate) => ({ candidate, by: signsOf(service, candidate) }))
  const [best, second] = told.filter(({ by }) => by.length > 0).toSorted((a, b) => b.by.length - a.by.length)
  if (!best) return { is: 'missing', service }
  const { candidate, by } = best
  if (by.length < enough)
    return {
      is: 'unclear',
      service,
      why: `VM ${candidate.vmid} matches only by its ${by[0]}; a match needs two of VMID, address, MAC address and name`,
    }
  if (second?.by.length === by.length)
    return { is: 'unclear', service, why: `VM ${candidate.vmid} and VM ${second.candidate.vmid} both match two of its values` }
  return { is: 'matched', service, candidate, by, differs: differencesOfMatch(service, candidate) }
}

function signsOf(service: PanelService, { vmid, macAddress, addresses, name }: Candidate): string[] {
  return [
    ...(service.vmid === vmid ? ['VMID'] : []),
    ...(service.addresses.some((address) => addresses.includes(address)) ? ['address'] : []),
    ...(service.macAddress !== undefined && service.macAddress === macAddress ? ['MAC address'] : []),
    ...(service.hostname !== undefined && service.hostname === name ? ['name'] : []),
  ]
}

function differencesOfMatch(service: PanelService, { vmid, macAddress, addresses, name, guest }: Candidate): string[] {
  const missing = service.addresses.filter((address) => !addresses.includes(address))
  const more = service.addresses.length > 0 ? addresses.filter((address) => !service.addresses.includes(address)) : []
  const rate = guest && Number(parseNet(optionsOfGuest(guest)['net0'] ?? '').options.get('rate') ?? 0) * 8
  return [
    ...(service.vmid !== undefined && service.vmid !== vmid ? [`VMID: panel ${service.vmid}, PVE ${vmid}`] : []),
    ...(service.macAddress !== undefined && service.macAddress !== macAddress
      ? [`MAC address: panel ${service.macAddress}, PVE ${macAddress ?? 'none'}`]
      : []),
    ...(missing.length > 0 ? [`address ${missing.join(', ')} is in the panel and not in PVE`] : []),
    ...(more.length > 0 ? [`address ${more.join(', ')} is in PVE and not in the panel`] : []),
    ...(service.hostname !== undefined && name !== undefined && service.hostname !== name
      ? [`name: panel ${service.hostname}, PVE ${name}`]
      : []),
    ...(service.node !== undefined && guest && service.node !== guest.node ? [`node: panel ${service.node}, PVE ${guest.node}`] : []),
    ...(service.rateMbit !== undefined && rate !== undefined && service.rateMbit !== rate
      ? [`rate: panel ${service.rateMbit || 'unlimited'}, PVE ${rate || 'unlimited'} (Mbit/s)`]
      : []),
  ]
}
