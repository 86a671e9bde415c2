import type { IPPool } from '../api/ippool.ts'
import { ipPools } from '../api/meta.ts'
import { printJson, type Session } from './session.ts'
import { table } from './table.ts'

/** One pool as it stands; numbers are strings, as IPv6 counts exceed 64 bits. */
interface PoolRow {
  name: string
  ranges: string[]
  scope: string
  total: string
  allocated: string
  free: string
  cooling: string
  reserved: string
  exhausted: boolean
  ready: boolean
  message: string
}

export async function showPools(session: Session, o: { output?: 'json' }): Promise<void> {
  const pools = (await session.client.list(ipPools)).map(rowOf).toSorted((a, b) => a.name.localeCompare(b.name))
  if (o.output) return printJson(session, pools)
  if (pools.length === 0) return session.shell.out('there is no IPPool\n')
  const heads = ['NAME', 'RANGES', 'TOTAL', 'ALLOCATED', 'FREE', 'COOLING', 'RESERVED', 'STATE', 'MESSAGE']
  const cells = pools.map((pool) => [
    pool.name,
    abridged(pool.ranges),
    pool.total,
    pool.allocated,
    pool.free,
    pool.cooling,
    pool.reserved,
    pool.exhausted ? 'exhausted' : pool.ready ? 'ok' : 'not ready',
    pool.message,
  ])
  session.shell.out(table(heads, cells))
}

function rowOf({ metadata, spec, status }: IPPool): PoolRow {
  const on = (type: string) => status?.conditions?.find((condition) => condition.type === type)
  const ready = on('Ready')
  const trouble = ['Exhausted', 'Overlapping', 'Stalled'].map(on).find((condition) => condition?.status === 'True')
  return {
    name: metadata.name,
    ranges: spec.ranges,
    scope: spec.scope,
    total: status?.total ?? '?',
    allocated: status?.allocated ?? '?',
    free: status?.free ?? '?',
    cooling: status?.cooling ?? '?',
    reserved: status?.reserved ?? '?',
    exhausted: on('Exhausted')?.status === 'True',
    ready: ready?.status === 'True',
    message: trouble?.message ?? (ready && ready.status !== 'True' ? ready.message : ''),
  }
}

const abridged = ([first = '', ...others]: readonly string[]) => (others.length === 0 ? first : `${first} and ${others.length} more`)
