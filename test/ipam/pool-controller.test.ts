import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { heldFinalizer } from '../../src/api/group.ts'
import type { IPPool } from '../../src/api/ippool.ts'
import { ipPools, poolAddresses } from '../../src/api/meta.ts'
import type { PoolAddress } from '../../src/api/pooladdress.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { addressOn, aVm, claimOne, main, makePool, type openBook, type Stand, Stands, TurnedClock } from './address-book-fixture.ts'

let scope: string
let stand: Stand
const stands = new Stands()
const open = (o: Parameters<typeof openBook>[1] = {}): Promise<Stand> => stands.open(scope, { controls: true, ...o })
const pool = (name: string): Promise<IPPool | undefined> => stand.client.get(ipPools, { name })
const address = (text: string): Promise<PoolAddress | undefined> => addressOn(stand, scope, text)
const condition = (of: IPPool | undefined, type: string): string => {
  const found = of?.status?.conditions?.find((one) => one.type === type)
  return found ? `${found.status}/${found.reason}` : 'none'
}
const conditions = (of: IPPool | undefined): string[] =>
  (of?.status?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status}/${reason}`)
const counts = (of: IPPool | undefined): unknown[] => [
  of?.status?.total,
  of?.status?.allocated,
  of?.status?.free,
  of?.status?.cooling,
  of?.status?.reserved,
]

beforeEach(() => {
  scope = freshName('scope')
})
afterEach(async () => {
  const faults = stands.opened.flatMap((one) => one.faults)
  await stands.stop()
  if (faults.length > 0) throw new AggregateError(faults, 'a reconcile failed')
})

describe('the status of a pool', () => {
  it('counts, is Ready, and is written once for many changes', async () => {
    stand = await open()
    const reservations = [{ address: '192.0.2.25', for: { namespace: 'shop', name: 'mail' } }]
    const name = await makePool(
      scope,
      { ranges: ['192.0.2.0/24'], gateway: '192.0.2.1', exclude: ['192.0.2.9'], reservations, reuseAfter: '1h' },
      stand,
    )
    const vms = Array.from({ length: 40 }, () => aVm())
    await Promise.all(vms.map((vm) => claimOne(stand, vm, main(name))))
    await stand.book.release(vms[0] ?? aVm(), { outcome: 'free' })
    const now = await until('39 held, one cooling', async () => {
      const seen = await pool(name)
      return seen?.status?.allocated === '39' && seen.status.cooling === '1' && seen
    })
    expect(counts(now)).toEqual(['252', '39', '211', '1', '1'])
    expect(conditions(now)).toEqual(['Ready=True/PoolReady', 'Exhausted=False/NotExhausted', 'Overlapping=False/NotOverlapping'])
    expect(now.status?.observedGeneration).toBe(now.metadata.generation)
    expect(stand.requests.filter((request) => request === 'PATCH ippools/status 200').length).toBeLessThanOrEqual(4)
    expect(stand.book.stats().filter((one) => one.pool === name)).toEqual([
      { pool: name, state: 'allocated', count: 39 },
      { pool: name, state: 'releasing', count: 0 },
      { pool: name, state: 'orphaned', count: 0 },
      { pool: name, state: 'free', count: 211 },
      { pool: name, state: 'cooling', count: 1 },
      { pool: name, state: 'reserved', count: 1 },
    ])
  })

  it('has numbers larger than a number holds', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['2001:db8::/32'], prefixLength: 32 }, stand)
    const seen = await until('a status', async () => ((await pool(name))?.status?.observedGeneration ?? -1) > 0 && pool(name))
    expect(counts(seen)).toEqual(['2^96-1', '0', '2^96-1', '0', '0'])
  })

  it('is untouched while nothing changes', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['192.0.2.0/24'] }, stand)
    await until('a status', async () => condition(await pool(name), 'Ready') === 'True/PoolReady')
    const before = (await pool(name))?.metadata.resourceVersion
    await stand.client.mergePatch(ipPools, { name }, { metadata: { annotations: { seen: 'yes' } } })
    const other = await makePool(scope, { ranges: ['198.51.100.0/24'] }, stand)
    await until('the other one has a status', async () => condition(await pool(other), 'Ready') === 'True/PoolReady')
    const writes = (): string[] => stand.requests.filter((request) => request === 'PATCH ippools/status 200')
    await until('both replies', () => writes().length >= 2)
    expect(writes()).toHaveLength(2)
    expect((await pool(name))?.metadata.resourceVersion).not.toBe(before)
  })

  it('says that it is exhausted, and that it is so no more', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(name))
    await claimOne(stand, aVm(), main(name))
    const seen = await until('exhausted', async () => {
      const now = await pool(name)
      return condition(now, 'Exhausted') === 'True/Exhausted' && now
    })
    expect(condition(seen, 'Ready')).toBe('True/PoolReady')
    await stand.book.release(vm, { outcome: 'free' })
    await until('free again', async () => condition(await pool(name), 'Exhausted') === 'False/NotExhausted')
  })

  it('names on both pools what they share', async () => {
    stand = await open()
    const one = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.20'] }, stand)
    const other = await makePool(scope, { ranges: ['192.0.2.11-192.0.2.30'] }, stand)
    const apart = await makePool(scope, { ranges: ['192.0.2.100-192.0.2.109'] }, stand)
    const overlap = async (name: string): Promise<string | undefined> => {
      const found = (await pool(name))?.status?.conditions?.find(({ type }) => type === 'Overlapping')
      return found?.status === 'True' ? found.message : undefined
    }
    expect(await until('the first says so', () => overlap(one))).toMatch(`IPPool ${other} has 192.0.2.11-192.0.2.20 (10 addresses) too`)
    expect(await until('the other says so', () => overlap(other))).toMatch(`IPPool ${one} has 192.0.2.11-192.0.2.20 (10 addresses) too`)
    expect(condition(await pool(apart), 'Overlapping')).toBe('False/NotOverlapping')
    await stand.client.mergePatch(ipPools, { name: other }, { spec: { ranges: ['192.0.2.21-192.0.2.30'] } })
    await until('the first is alone', async () => condition(await pool(one), 'Overlapping') === 'False/NotOverlapping')
  })

  it('names the field the API server could not judge, and what was given stays', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['2001:db8::1-2001:db8::9'] }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(name))
    await stand.client.mergePatch(ipPools, { name }, { spec: { ranges: ['2001:db8::9-2001:db8::1'] } })
    const seen = await until('Stalled', async () => {
      const now = await pool(name)
      return condition(now, 'Stalled') === 'True/PoolInvalid' && now
    })
    expect(condition(seen, 'Ready')).toBe('False/PoolInvalid')
    expect(seen.status?.conditions?.[0]?.message).toMatch(/spec\.ranges\[0\] "2001:db8::9-2001:db8::1" ends before it begins/)
    expect(counts(seen)).toEqual([undefined, '1', undefined, undefined, undefined])
    expect(await claimOne(stand, vm, main(name))).toBe('2001:db8::1')
    expect(await claimOne(stand, aVm(), main(name))).toBe('refused PoolInvalid')
    await stand.client.mergePatch(ipPools, { name }, { spec: { ranges: ['2001:db8::5-2001:db8::9'] } })
    const well = await until('Ready', async () => {
      const now = await pool(name)
      return condition(now, 'Ready') === 'True/PoolReady' && now
    })
    expect(condition(well, 'Stalled')).toBe('none')
    expect(counts(well)).toEqual(['5', '1', '5', '0', '0'])
    expect(await claimOne(stand, vm, main(name))).toBe('2001:db8::1')
  })
})

describe('a pool that is deleted', () => {
  it('stays while addresses are held, gives none meanwhile, and goes with the last one', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['192.0.2.0/24'] }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(name))
    await stand.client.delete(ipPools, { name })
    const going = await until('it says why it stays', async () => {
      const now = await pool(name)
      return condition(now, 'Reconciling') === 'True/InUse' && now
    })
    expect(condition(going, 'Ready')).toBe('False/PoolDeleting')
    expect(going.status?.conditions?.[0]?.message).toMatch(`1 held ones (shop/${vm.name})`)
    expect(await claimOne(stand, aVm(), main(name))).toBe('refused PoolDeleting')
    expect(await claimOne(stand, vm, main(name))).toBe('192.0.2.1')
    await stand.book.release(vm, { outcome: 'free' })
    await until('it is gone', async () => (await pool(name)) === undefined)
    expect((await address('192.0.2.1'))?.spec.history).toMatchObject([{ name: vm.name }])
  })

  it('goes at once when it is not used any more', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['192.0.2.0/24'] }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(name))
    expect((await pool(name))?.metadata.finalizers).toEqual([heldFinalizer])
    await stand.book.release(vm, { outcome: 'free' })
    await until('the finalizer is off', async () => (await pool(name))?.metadata.finalizers === undefined)
    await stand.client.delete(ipPools, { name })
    expect(await pool(name)).toBeUndefined()
  })
})

describe('the objects of addresses', () => {
  it('stay as records and go after keepRecords', async () => {
    const clock = new TurnedClock()
    stand = await open({ clock })
    const name = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.2'], keepRecords: '24h', reuseAfter: '1h' }, stand)
    const [former, holder] = [aVm(), aVm()]
    for (const vm of [former, holder]) await claimOne(stand, vm, main(name))
    await stand.book.release(former, { outcome: 'free' })
    expect((await address('192.0.2.1'))?.spec.state).toBe('Cooling')
    await until('it has rested', async () => {
      clock.turn(60_000)
      return (await address('192.0.2.1'))?.spec.state === 'Released'
    })
    await until('its record is gone', async () => {
      clock.turn(3_600_000)
      return (await address('192.0.2.1')) === undefined
    })
    expect((await address('192.0.2.2'))?.spec.state).toBe('Allocated')
    expect(await claimOne(stand, aVm(), main(name))).toBe('192.0.2.1')
  })

  it('of an orphan are freed when an admin deletes them, and the record stays', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const vm = aVm({ vmid: 5003 })
    const next = aVm()
    await claimOne(stand, vm, main(name))
    await claimOne(stand, next, main(name))
    await stand.book.release(vm, { outcome: 'orphan' })
    const orphan = await address('192.0.2.1')
    await stand.client.delete(poolAddresses, { name: `192.0.2.1.${scope}` })
    await until('who waits is called', () => stand.called.includes(next.name))
    const record = await address('192.0.2.1')
    expect(record?.metadata.uid).not.toBe(orphan?.metadata.uid)
    expect(record?.spec).toMatchObject({
      state: 'Released',
      history: [{ uid: vm.uid, vmid: 5003, labels: { 'pve.hosting/client-id': '142' } }],
    })
    // Of the last former holder, so that somebody can ask later.
    expect(record?.metadata.labels).toEqual({ 'pve.hosting/client-id': '142' })
    expect(await claimOne(stand, next, main(name))).toBe('192.0.2.1')
  })

  it('that go with their whole kind are neither freed nor asked about at the API server', async () => {
    const clock = new TurnedClock()
    const asked: string[] = []
    let isByHand = false
    const holders = {
      isLiving: () => false,
      isGone: async () => asked.push('holder') > 0,
      mayFree: async () => asked.push('kind') > 0 && isByHand,
    }
    stand = await open({ clock, holders })
    const name = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(name))
    await stand.client.delete(poolAddresses, { name: `192.0.2.1.${scope}` })
    await until('the kind is asked for again and again', () => {
      clock.turn(5_000)
      return asked.length >= 3
    })
    expect(asked).not.toContain('holder')
    isByHand = true
    await until('it is free', async () => {
      clock.turn(5_000)
      return (await address('192.0.2.1'))?.spec.claimRef === undefined
    })
    expect(asked).toContain('holder')
  })

  it('that are held wait with a deletion by hand until the VM gives them back', async () => {
    stand = await open()
    const name = await makePool(scope, { ranges: ['192.0.2.1'], reuseAfter: '1h' }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(name))
    await stand.client.delete(poolAddresses, { name: `192.0.2.1.${scope}` })
    await until('the store knows', () => stand.addresses.get(`192.0.2.1.${scope}`)?.metadata.deletionTimestamp)
    expect(await claimOne(stand, vm, main(name))).toBe('192.0.2.1')
    expect(await claimOne(stand, aVm(), main(name))).toBe('waiting PoolExhausted')
    await stand.book.release(vm, { outcome: 'free' })
    expect((await address('192.0.2.1'))?.spec).toMatchObject({ state: 'Cooling', history: [{ uid: vm.uid }] })
    expect(await claimOne(stand, aVm(), main(name))).toBe('waiting PoolExhausted')
  })
})
