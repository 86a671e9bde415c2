import { checkModify } from '../access/declared.ts'
import { type Pool, storedField } from '../access/access.ts'
import { PveRefusal, refuse } from '../http/refusal.ts'
import { flag, str, type Call, type Route } from '../routes.ts'
import { guestRow, storageRows } from './rows.ts'

type Row = Record<string, unknown>

const listOf = (text: string | undefined): string[] => (text ?? '').split(/[,;\s\0]+/).filter((item) => item !== '')

function poolOf(call: Call, prefix = ''): Pool {
  const poolid = str(call, 'poolid') ?? ''
  return call.world.access.pools.get(poolid) ?? refuse(`${prefix}pool '${poolid}' does not exist`)
}

/** Members that exist: entries of guests and storages that are gone stay in the pool unseen. */
function members(call: Call, pool: Pool): Row[] {
  const type = str(call, 'type')
  const guests = [...pool.vms].flatMap((vmid) => call.world.guests.get(vmid) ?? [])
  const rows = guests.map((guest) => {
    const { pool: _pool, ...rest } = guestRow(call.world, call.user, guest)
    return rest
  })
  const storages = storageRows(call.world).filter(({ storage }) => pool.storages.has(storage.storage))
  return [...rows, ...storages.map(({ row }) => row)].filter((row) => type === undefined || row['type'] === type)
}

function shown(pool: Pool): Row {
  return { poolid: pool.poolid, ...(pool.comment === undefined ? {} : { comment: pool.comment }) }
}

function listPools(call: Call): Row[] {
  if (str(call, 'poolid') !== undefined) {
    const pool = poolOf(call)
    return [{ ...shown(pool), members: members(call, pool) }]
  }
  const { access } = call.world
  return [...access.pools.values()].filter(({ poolid }) => access.has(call.user, `/pool/${poolid}`, 'Pool.Audit')).map(shown)
}

function createPool(call: Call): null {
  const { access } = call.world
  const poolid = str(call, 'poolid') ?? ''
  if (access.pools.has(poolid)) refuse(`create pool failed: pool '${poolid}' already exists`)
  const [, parent, leaf = poolid] = /^(.*)\/([^/]+)$/.exec(poolid) ?? []
  if (parent !== undefined && !access.pools.has(parent)) refuse(`create pool failed: parent '${parent}' of pool '${poolid}' does not exist`)
  if (!/^[A-Za-z]/.test(leaf)) refuse('create pool failed: pool name must start with a letter')
  access.pools.set(poolid, { poolid, comment: storedField(str(call, 'comment')), vms: new Set(), storages: new Set() })
  access.changed()
  return null
}

/** A refusal under the lock on user.cfg is an error of the method, not a 403 (PVE::AccessControl lock_user_config). */
function inside(check: () => void): void {
  try {
    check()
  } catch (fault) {
    if (fault instanceof PveRefusal) refuse(`update pools failed: ${fault.status} ${fault.message}`)
    throw fault
  }
}

function changeGuest(call: Call, pool: Pool, vmid: number): void {
  const { access } = call.world
  inside(() => checkModify(access, call.user, `/vms/${vmid}`))
  if (flag(call, 'delete')) {
    if (!pool.vms.delete(vmid)) refuse(`update pools failed: VM ${vmid} is not a pool member`)
    return
  }
  if (pool.vms.has(vmid)) refuse(`update pools failed: VM ${vmid} is already a pool member`)
  const other = access.poolOf(vmid)
  if (other !== undefined) {
    if (!flag(call, 'allow-move')) refuse(`update pools failed: VM ${vmid} belongs already to pool '${other}' and 'allow-move' is not set`)
    inside(() => call.check(`/pool/${other}`, ['Pool.Allocate']))
    access.pools.get(other)?.vms.delete(vmid)
  }
  pool.vms.add(vmid)
}

function changeStorage(call: Call, pool: Pool, storage: string): void {
  inside(() => checkModify(call.world.access, call.user, `/storage/${storage}`))
  if (flag(call, 'delete')) {
    if (!pool.storages.delete(storage)) refuse(`update pools failed: Storage '${storage}' is not a pool member`)
    return
  }
  if (pool.storages.has(storage)) refuse(`update pools failed: Storage '${storage}' is already a pool member`)
  pool.storages.add(storage)
}

function updatePool(call: Call): null {
  const pool = poolOf(call, 'update pools failed: ')
  const comment = str(call, 'comment')
  if (comment !== undefined) pool.comment = storedField(comment)
  for (const vmid of listOf(str(call, 'vms'))) changeGuest(call, pool, Number(vmid))
  for (const storage of listOf(str(call, 'storage'))) changeStorage(call, pool, storage)
  call.world.access.changed()
  return null
}

function deletePool(call: Call): null {
  const { access, guests, storage } = call.world
  const pool = poolOf(call, 'delete pool failed: ')
  const below = [...access.pools.keys()].filter((poolid) => poolid.startsWith(`${pool.poolid}/`)).toSorted()
  const held = [
    ...below.map((poolid) => `pool '${poolid}'`),
    ...[...pool.vms].filter((vmid) => guests.has(vmid)).map((vmid) => `VM ${vmid}`),
    ...[...pool.storages].filter((name) => storage.definitions.has(name)).map((name) => `storage '${name}'`),
  ]
  if (held[0] !== undefined) refuse(`delete pool failed: pool '${pool.poolid}' is not empty (contains ${held[0]})`)
  access.forgetPool(pool.poolid)
  return null
}

function readPool(call: Call): Row {
  const pool = poolOf(call)
  return { ...shown(pool), members: members(call, pool) }
}

export const poolRoutes: readonly Route[] = [
  { method: 'GET', path: '/pools', handler: listPools },
  { method: 'POST', path: '/pools', handler: createPool },
  { method: 'PUT', path: '/pools', handler: updatePool },
  { method: 'DELETE', path: '/pools', handler: deletePool },
  { method: 'GET', path: '/pools/{poolid}', handler: readPool },
  { method: 'PUT', path: '/pools/{poolid}', handler: updatePool },
  { method: 'DELETE', path: '/pools/{poolid}', handler: deletePool },
]
