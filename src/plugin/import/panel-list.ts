/** One service of a billing panel, as its list tells of it (pure). Columns: docs/migration.md. */
import { canonical, parseAddress } from '../../ipam/address.ts'
import type { CsvRow } from './csv.ts'

/** Statuses of WHMCS (`tblhosting.domainstatus`). */
const statuses = ['Pending', 'Active', 'Suspended', 'Terminated', 'Cancelled', 'Fraud', 'Completed'] as const
export type PanelStatus = (typeof statuses)[number]

export interface PanelService {
  /** Line of the list, for people. */
  readonly line: number
  readonly serviceId: string
  readonly clientId: string
  readonly status: PanelStatus
  readonly vmid?: number
  /** Upper case. */
  readonly macAddress?: string
  /** In the spelling of PoolAddress. */
  readonly addresses: readonly string[]
  /** Lower case. */
  readonly hostname?: string
  readonly node?: string
  readonly package?: string
  /** Mbit/s; absent = the list does not say, 0 = unlimited. */
  readonly rateMbit?: number
}

const needed = ['service_id', 'client_id', 'status'] as const
const known = new Set([...needed, 'vmid', 'mac', 'addresses', 'hostname', 'node', 'package', 'rate_mbyte'])

/** Throws a sentence with the line at fault. */
export function servicesOf(rows: readonly CsvRow[]): PanelService[] {
  const [first] = rows
  if (!first) throw new Error('line 2: the file has no services')
  const lacking = needed.find((name) => !(name in first.cells))
  if (lacking) throw new Error(`line 1: the column ${lacking} is missing; service_id, client_id and status must be there`)
  const unknown = Object.keys(first.cells).find((name) => !known.has(name))
  if (unknown !== undefined) throw new Error(`line 1: the column "${unknown}" is not known; write one of ${[...known].join(', ')}`)
  const services = rows.map(serviceOf)
  const seen = new Map<string, number>()
  for (const { serviceId, line } of services) {
    const before = seen.get(serviceId)
    if (before !== undefined) throw new Error(`line ${line}: service ${serviceId} is in line ${before} as well`)
    seen.set(serviceId, line)
  }
  const names = Map.groupBy(services, nameOfService)
  for (const [name, [first, other]] of names)
    if (first && other)
      throw new Error(
        `line ${other.line}: services ${first.serviceId} and ${other.serviceId} would both be the object ${name}; import one by hand`,
      )
  return services
}

/** Of its ProxmoxVM. */
export const nameOfService = ({ serviceId }: PanelService): string => `service-${serviceId.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-')}`

function serviceOf({ line, cells }: CsvRow): PanelService {
  const bad = (column: string, expected: string): Error => new Error(`line ${line}: ${column} is "${cells[column]}"; write ${expected}`)
  const label = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
  for (const column of ['service_id', 'client_id'])
    if (!label.test(cells[column] ?? '')) throw bad(column, 'letters and digits, such as 5546')
  const status = statuses.find((word) => word.toLowerCase() === cells['status']?.toLowerCase())
  if (!status) throw bad('status', `one of ${statuses.join(', ')}`)
  const vmid = cells['vmid'] ?? ''
  if (vmid !== '' && !/^[1-9]\d{2,8}$/.test(vmid)) throw bad('vmid', 'a number from 100 to 999999999')
  const mac = (cells['mac'] ?? '').toUpperCase().replaceAll('-', ':')
  if (mac !== '' && !/^([0-9A-F]{2}:){5}[0-9A-F]{2}$/.test(mac)) throw bad('mac', 'six pairs of hexadecimal digits')
  const rate = cells['rate_mbyte'] ?? ''
  if (rate !== '' && !/^\d+(\.\d+)?$/.test(rate)) throw bad('rate_mbyte', 'a number of megabytes a second; 0 is unlimited')
  const { hostname, node, package: packageName } = cells
  return {
    line,
    serviceId: cells['service_id'] ?? '',
    clientId: cells['client_id'] ?? '',
    status,
    ...(vmid !== '' && { vmid: Number(vmid) }),
    ...(mac !== '' && { macAddress: mac }),
    addresses: addressesIn(cells['addresses'] ?? '', () => bad('addresses', 'addresses separated by blanks or ;')),
    ...(hostname && { hostname: hostname.toLowerCase() }),
    ...(node && { node }),
    ...(packageName && { package: packageName }),
    // The panel counts in megabytes a second, packages in Mbit/s.
    ...(rate !== '' && { rateMbit: Number(rate) * 8 }),
  }
}

function addressesIn(text: string, bad: () => Error): string[] {
  const parts = text.split(/[\s;|]+/).filter(Boolean)
  return parts.map((part) => {
    const plain = part.split('/')[0] ?? ''
    if (!parseAddress(plain)) throw bad()
    return canonical(plain)
  })
}

/** What the panel's status means for the VM; power says nothing of it. Undefined: the service has no VM of its own any more, or none yet. */
export function suspensionsOf({ status }: PanelService): { by: string; reason: string }[] | undefined {
  switch (status) {
    case 'Active':
    case 'Completed':
      return []
    case 'Suspended':
    case 'Cancelled':
      return [{ by: 'billing', reason: `${status} in the panel when it was imported` }]
    case 'Fraud':
      return [{ by: 'fraud', reason: 'Fraud in the panel when it was imported' }]
    case 'Pending':
    case 'Terminated':
      return undefined
  }
}
