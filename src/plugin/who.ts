import { defaultScope } from '../api/group.ts'
import type { IPPool } from '../api/ippool.ts'
import { ipPools, poolAddresses, proxmoxClusters, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { AddressInUse, ClaimReference, PoolAddress } from '../api/pooladdress.ts'
import { type Address, canonical, formatAddress, addressObjectName, parseAddress } from '../ipam/address.ts'
import { parseRange } from '../ipam/ranges.ts'
import { marksOf, ownLabels, suffixOf } from '../ipam/records.ts'
import { isForbidden, unlessForbidden } from './forbidden.ts'
import { printJson, type Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { table } from './table.ts'

/** Somebody who has the address, or had it. */
interface Holder {
  namespace: string
  name: string
  uid: string
  from: string
  /** Absent: has it now. */
  to?: string
  entry?: string
  vmid?: number
  labels?: Record<string, string>
}

/** A guest in PVE, as ProxmoxCluster.status.unclaimed or the PoolAddress tell of it. */
interface GuestOnAddress {
  cluster: string
  vmid: number
  node?: string
  name?: string
  formerObject?: string
  /** There is no such ProxmoxCluster any more, so nobody sees whether the guest still uses the address. */
  isClusterGone?: true
}

/** What is on record of one address in one scope. */
export interface AddressAnswer {
  address: string
  pool: string
  scope: string
  state: string
  holder?: Holder
  /** The object of the holder does not exist any more; its claim stays until its guest is taken over or an admin deletes the PoolAddress. */
  isHolderGone?: true
  /** Guests in PVE that are configured with the address and belong to no object. */
  guests?: GuestOnAddress[]
  /** Newest first. */
  history: Holder[]
}

/** Who has the address and who had it. Fails when no pool has it and nobody is on record. */
export async function showWho(session: Session, text: string, o: { output?: 'json' }): Promise<void> {
  const address = readAddress(text)
  const pools = await session.client.list(ipPools)
  const records = await recordsOf(session, address, pools)
  // Whoever may not read ProxmoxClusters is told the rest.
  const clusters = await session.client.list(proxmoxClusters).catch(unlessForbidden(undefined))
  const guests = guestsOn(clusters ?? [], address)
  const guestsIn = (scope: string) => guests.filter(({ cluster }) => serves(pools, scope, cluster))
  const answers = (await Promise.all(records.map((record) => answerOf(session, record, guestsIn(record.spec.scope))))).map((one) =>
    marked(one, clusters),
  )
  const known = new Set(records.map((record) => record.spec.scope))
  const unused = pools.filter((pool) => !known.has(pool.spec.scope) && holds(pool, address))
  answers.push(...unused.map((pool) => neverHeld(pool, address, guestsIn(pool.spec.scope))))
  if (answers.length === 0 && guests.length > 0) return showGuests(session, address, guests, o)
  if (answers.length === 0) throw new PluginRefusal(`${formatAddress(address)} is in no IPPool, and no VM is recorded for it`)
  if (o.output) return printJson(session, answers)
  session.shell.out(answers.map(page).join('\n'))
}

/** Whether VMs of the ProxmoxCluster may have addresses of the scope: the same address in another network is another address. */
function serves(pools: readonly IPPool[], scope: string, cluster: string): boolean {
  const there = pools.filter(({ spec }) => spec.scope === scope)
  return there.length === 0 || there.some(({ spec }) => !spec.clusterRefs || spec.clusterRefs.some(({ name }) => name === cluster))
}

/** Any spelling, with brackets, a host prefix, or the name of the PoolAddress. */
function readAddress(text: string): Address {
  const plain = text.trim().replace(/^\[(.*)\]$/, '$1')
  const host = plain.replace(plain.includes(':') ? /\/128$/ : /\/32$/, '')
  const address = parseAddress(/^[0-9a-f]+(?:-[0-9a-f]+){7}$/i.test(host) ? host.replaceAll('-', ':') : host)
  if (!address)
    throw new PluginRefusal(`"${text}" is not a valid IP address; write one such as 203.0.113.10 or 2001:db8::1`, exitCodes.usage)
  return address
}

/** Names are made of address and scope, so a few reads find it; records of pools that are gone need the whole list. */
async function recordsOf({ client }: Session, address: Address, pools: readonly IPPool[]): Promise<PoolAddress[]> {
  const scopes = [...new Set([defaultScope, ...pools.map((pool) => pool.spec.scope)])]
  const found = await Promise.all(scopes.map((scope) => client.get(poolAddresses, { name: addressObjectName(address, suffixOf(scope)) })))
  const there = found.filter((record) => record !== undefined)
  if (there.length > 0) return there
  const wanted = formatAddress(address)
  return (await client.list(poolAddresses)).filter((record) => canonical(record.spec.address) === wanted)
}

const holds = ({ spec }: IPPool, { family, value }: Address) =>
  spec.ranges
    .map(parseRange)
    .some((range) => typeof range !== 'string' && range.family === family && range.from <= value && value <= range.to)

/** Guests that no object owns. */
function guestsOn(clusters: readonly ProxmoxCluster[], address: Address): GuestOnAddress[] {
  const wanted = formatAddress(address)
  return clusters.flatMap(({ metadata, status }) =>
    (status?.unclaimed ?? [])
      .filter(({ addresses = [] }) => addresses.some((one) => canonical(one) === wanted))
      .map(({ vmid, node, name, formerObject }) => ({ cluster: metadata.name, vmid, node, name, ...(formerObject && { formerObject }) })),
  )
}

/** Says of guests whether their ProxmoxCluster still exists. */
function marked(answer: AddressAnswer, clusters: readonly ProxmoxCluster[] | undefined): AddressAnswer {
  const isGone = ({ cluster }: GuestOnAddress): boolean => clusters?.every(({ metadata }) => metadata.name !== cluster) === true
  if (!answer.guests?.some(isGone)) return answer
  return { ...answer, guests: answer.guests.map((guest) => (isGone(guest) ? { ...guest, isClusterGone: true } : guest)) }
}

function showGuests(session: Session, address: Address, guests: GuestOnAddress[], o: { output?: 'json' }): void {
  if (o.output) return printJson(session, [{ address: formatAddress(address), state: 'NotInPool', guests, history: [] }])
  session.shell.out(`${formatAddress(address)} is in no IPPool\n${guests.map(guestLine).join('')}`)
}

const guestLine = ({ cluster, vmid, node, name, formerObject, isClusterGone }: GuestOnAddress): string =>
  `VM ${vmid}${name ? ` (${name})` : ''} of ProxmoxCluster ${cluster}${node ? ` on ${node}` : ''} ${isClusterGone ? unseen : `is configured with it and belongs to no ProxmoxVM${formerObject ? `; it was ${formerObject}'s` : ''}`}\n`

const unseen =
  'was configured with it, and that ProxmoxCluster no longer exists: create it again, or make sure that the VM is gone and delete the PoolAddress'

export async function answerOf(session: Session, record: PoolAddress, unclaimed: readonly GuestOnAddress[]): Promise<AddressAnswer> {
  const { spec } = record
  const { claimRef, history = [], inUse } = spec
  const isListed = unclaimed.some(({ cluster, vmid }) => cluster === inUse?.cluster && vmid === inUse.vmid)
  const guests = inUse && !isListed ? [...unclaimed, guestOf(inUse)] : [...unclaimed]
  const isGone = claimRef && !spec.orphaned && (await isHolderGone(session, claimRef))
  const marks = claimRef && (await marksOfHolder(session, record, claimRef))
  const { namespace, name, uid, entry, since } = claimRef ?? {}
  return {
    address: canonical(spec.address),
    pool: spec.poolRef.name,
    scope: spec.scope,
    state: spec.state ?? (claimRef ? 'Allocated' : 'Released'),
    ...(claimRef && {
      holder: { namespace, name, uid, entry, from: since, ...marks } as Holder,
    }),
    ...(isGone && { isHolderGone: true as const }),
    ...(guests.length > 0 && { guests }),
    history: history.toReversed(),
  }
}

const guestOf = ({ cluster, vmid, node, name }: AddressInUse): GuestOnAddress => ({
  cluster,
  vmid,
  ...(node && { node }),
  ...(name && { name }),
})

async function isHolderGone({ client }: Session, { namespace, name, uid }: ClaimReference): Promise<boolean> {
  const vm = await client.get(proxmoxVMs, { namespace, name }).catch(unlessForbidden({ metadata: { uid } }))
  return vm?.metadata.uid !== uid
}

/** VMID and labels of the billing system: of the VM, or of an orphan as noted on the address. Whoever may not read the VM is told its name all the same. */
async function marksOfHolder({ client }: Session, record: PoolAddress, { namespace, name, uid }: ClaimReference) {
  try {
    const vm = await client.get(proxmoxVMs, { namespace, name })
    const isThere = vm?.metadata.uid === uid
    const { labels: all, vmid } = isThere ? { labels: vm.metadata.labels ?? {}, vmid: vm.status?.vmid } : marksOf(record)
    const labels = ownLabels(all)
    return { ...(vmid !== undefined && { vmid }), ...(Object.keys(labels).length > 0 && { labels }) }
  } catch (fault) {
    if (isForbidden(fault)) return {}
    throw fault
  }
}

const neverHeld = ({ metadata, spec }: IPPool, address: Address, guests: GuestOnAddress[]): AddressAnswer => ({
  address: formatAddress(address),
  pool: metadata.name,
  scope: spec.scope,
  state: 'NeverHeld',
  ...(guests.length > 0 && { guests }),
  history: [],
})

export function page({ address, pool, scope, state, holder, isHolderGone: isGone, guests = [], history }: AddressAnswer): string {
  const where = `pool ${pool}${scope === defaultScope ? '' : `, scope ${scope}`}`
  const all = [...(holder ? [holder] : []), ...history]
  const shown = guests.map(guestLine).join('')
  if (all.length === 0)
    return `${address} (${where}): ${state === 'InUse' ? 'InUse, no ProxmoxVM has it' : 'no VM has it or had it'}\n${shown}`
  const rows = all.map((one) => [
    `${one.namespace}/${one.name}`,
    one.vmid === undefined ? '' : String(one.vmid),
    one.from,
    one.to ?? 'now',
    Object.entries(one.labels ?? {})
      .map(([key, value]) => `${key.replace(/^pve\.hosting\//, '')}=${value}`)
      .join(','),
  ])
  const gone = isGone ? ', an object that no longer exists' : ''
  const says = holder
    ? `held by ${holder.namespace}/${holder.name}${gone}`
    : guests.length > 0
      ? 'no ProxmoxVM has it now'
      : 'no VM has it now'
  return `${address} (${where}): ${state}, ${says}\n${table(['VM', 'VMID', 'FROM', 'TO', 'LABELS'], rows)}${shown}`
}
