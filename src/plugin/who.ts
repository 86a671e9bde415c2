import { defaultScope } from '../api/group.ts'
import type { IPPool } from '../api/ippool.ts'
import { ipPools, poolAddresses, proxmoxVMs } from '../api/meta.ts'
import type { ClaimReference, PoolAddress } from '../api/pooladdress.ts'
import { type Address, canonical, formatAddress, addressObjectName, parseAddress } from '../ipam/address.ts'
import { parseRange } from '../ipam/ranges.ts'
import { marksOf, ownLabels, suffixOf } from '../ipam/records.ts'
import { KubeError } from '../kube/kube-error.ts'
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

/** What is on record of one address in one scope. */
interface Answer {
  address: string
  pool: string
  scope: string
  state: string
  holder?: Holder
  /** Newest first. */
  history: Holder[]
}

/** Who has the address and who had it. Fails when no pool has it and nobody is on record. */
export async function showWho(session: Session, text: string, o: { output?: 'json' }): Promise<void> {
  const address = readAddress(text)
  const pools = await session.client.list(ipPools)
  const records = await recordsOf(session, address, pools)
  const answers = await Promise.all(records.map((record) => answerOf(session, record)))
  const known = new Set(records.map((record) => record.spec.scope))
  const unused = pools.filter((pool) => !known.has(pool.spec.scope) && holds(pool, address))
  answers.push(...unused.map((pool) => neverHeld(pool, address)))
  if (answers.length === 0) throw new PluginRefusal(`${formatAddress(address)} is in no IPPool, and nobody is on record for it`)
  if (o.output) return printJson(session, answers)
  session.shell.out(answers.map(page).join('\n'))
}

/** Any spelling, with brackets, a host prefix, or the name of the PoolAddress. */
function readAddress(text: string): Address {
  const plain = text.trim().replace(/^\[(.*)\]$/, '$1')
  const host = plain.replace(plain.includes(':') ? /\/128$/ : /\/32$/, '')
  const address = parseAddress(/^[0-9a-f]+(?:-[0-9a-f]+){7}$/i.test(host) ? host.replaceAll('-', ':') : host)
  if (!address) throw new PluginRefusal(`"${text}" is no address; write one such as 203.0.113.10 or 2001:db8::1`, exitCodes.usage)
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

async function answerOf(session: Session, record: PoolAddress): Promise<Answer> {
  const { spec } = record
  const { claimRef, history = [] } = spec
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
    history: history.toReversed(),
  }
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
    if (fault instanceof KubeError && fault.status === 403) return {}
    throw fault
  }
}

const neverHeld = ({ metadata, spec }: IPPool, address: Address): Answer => ({
  address: formatAddress(address),
  pool: metadata.name,
  scope: spec.scope,
  state: 'NeverHeld',
  history: [],
})

function page({ address, pool, scope, state, holder, history }: Answer): string {
  const where = `pool ${pool}${scope === defaultScope ? '' : `, scope ${scope}`}`
  const all = [...(holder ? [holder] : []), ...history]
  if (all.length === 0) return `${address} (${where}): nobody has it or had it\n`
  const rows = all.map((one) => [
    `${one.namespace}/${one.name}`,
    one.vmid === undefined ? '' : String(one.vmid),
    one.from,
    one.to ?? 'now',
    Object.entries(one.labels ?? {})
      .map(([key, value]) => `${key.replace(/^pve\.hosting\//, '')}=${value}`)
      .join(','),
  ])
  const says = holder ? `held by ${holder.namespace}/${holder.name}` : 'nobody has it now'
  return `${address} (${where}): ${state}, ${says}\n${table(['VM', 'VMID', 'FROM', 'TO', 'LABELS'], rows)}`
}
