import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ipPools } from '../../src/api/meta.ts'
import type { PoolAddress } from '../../src/api/pooladdress.ts'
import { freshName } from '../support/kube.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'
import { addressOn, aVm, claimOne, main, makePool, type openBook, type Stand, Stands, TurnedClock } from './address-book-fixture.ts'

let scope: string
let stand: Stand
const stands = new Stands()
const open = (o: Parameters<typeof openBook>[1] = {}): Promise<Stand> => stands.open(scope, o)
const onServer = (address: string): Promise<PoolAddress | undefined> => addressOn(stand, scope, address)

beforeEach(async () => {
  scope = freshName('scope')
  stand = await open()
})
afterEach(() => stands.stop())

describe('a release', () => {
  it('keeps who had the address, what it was for and when, and frees it', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const vm = aVm({ vmid: 5001 })
    await claimOne(stand, vm, main(pool))
    await stand.book.release(vm, { outcome: 'free' })
    const left = await onServer('192.0.2.1')
    expect(left?.spec).toMatchObject({
      state: 'Released',
      history: [{ namespace: 'shop', name: vm.name, uid: vm.uid, labels: { 'pve.hosting/client-id': '142' }, vmid: 5001 }],
    })
    expect(left?.spec.claimRef).toBeUndefined()
    expect(left?.metadata.labels).toMatchObject({ 'pve.hosting/client-id': '142' })
    expect(left?.spec.history?.[0]?.labels).toEqual({ 'pve.hosting/client-id': '142' })
    expect(left?.metadata.finalizers ?? []).toEqual([])
    stand.requests.length = 0
    await stand.book.release(vm, { outcome: 'free' })
    const next = aVm()
    expect(await claimOne(stand, next, main(pool))).toBe('192.0.2.1')
    expect(stand.requests).toEqual(['PUT pooladdresses 200'])
    expect((await onServer('192.0.2.1'))?.spec).toMatchObject({
      state: 'Allocated',
      history: [{ name: vm.name }],
      claimRef: { name: next.name },
    })
  })

  it('keeps the last 20 holders', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const all = Array.from({ length: 22 }, () => aVm())
    for (const vm of all) {
      await claimOne(stand, vm, main(pool))
      await stand.book.release(vm, { outcome: 'free' })
    }
    expect((await onServer('192.0.2.1'))?.spec.history?.map(({ name }) => name)).toEqual(all.slice(2).map(({ name }) => name))
  })

  it('as an orphan leaves the address held, in the name of the VM that is left', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const vm = aVm({ vmid: 5002 })
    await claimOne(stand, vm, main(pool))
    await stand.book.release(vm, { outcome: 'orphan' })
    await stand.book.release(vm, { outcome: 'orphan' })
    expect((await onServer('192.0.2.1'))?.spec).toMatchObject({
      state: 'Orphaned',
      orphaned: true,
      claimRef: { name: vm.name, uid: vm.uid },
    })
    const [answer] = await stand.book.claim(aVm({ name: vm.name }), [main(pool, '192.0.2.1')], 'fra1')
    expect(answer).toMatchObject({
      reason: 'AddressTaken',
      message: expect.stringMatching(/an earlier object named shop\/.*was left when that object was deleted.*deletes the PoolAddress/),
    })
    expect(await claimOne(stand, aVm(), main(pool))).toBe('waiting PoolExhausted')
  })

  it('calls those who wait, first come first served', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.2'] }, stand)
    const [a, b, first, second, third] = [aVm(), aVm(), aVm(), aVm(), aVm()]
    for (const vm of [a, b]) await claimOne(stand, vm, main(pool))
    for (const vm of [first, second, third]) expect(await claimOne(stand, vm, main(pool))).toBe('waiting PoolExhausted')
    await stand.book.release(a, { outcome: 'free' })
    expect(stand.called).toEqual([first.name])
    expect(await claimOne(stand, second, main(pool))).toBe('waiting PoolExhausted')
    expect(await claimOne(stand, aVm(), main(pool))).toBe('waiting PoolExhausted')
    expect(await claimOne(stand, first, main(pool))).toBe('192.0.2.1')
    await stand.book.release(b, { outcome: 'free' })
    expect(stand.called).toEqual([first.name, second.name])
    expect(await claimOne(stand, second, main(pool))).toBe('192.0.2.2')
  })

  it('by a VM that is deleted while it waits lets the next one in', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const [holder, gone, next] = [aVm(), aVm(), aVm()]
    for (const vm of [holder, gone, next]) await claimOne(stand, vm, main(pool))
    await stand.book.release(gone, { outcome: 'free' })
    await stand.book.release(holder, { outcome: 'free' })
    expect(stand.called).toEqual([next.name])
    expect(await claimOne(stand, next, main(pool))).toBe('192.0.2.1')
  })

  it('calls the next one when the first does not come, as soon after the clock of the machine was set back', async () => {
    const clock = new TestClock()
    const jumpy = await open({ clock })
    const pool = await makePool(scope, { ranges: ['192.0.2.1'] }, jumpy)
    const [holder, paused, next] = [aVm(), aVm(), aVm()]
    for (const vm of [holder, paused, next]) await claimOne(jumpy, vm, main(pool))
    await jumpy.book.release(holder, { outcome: 'free' })
    expect(jumpy.called).toEqual([paused.name])
    clock.jump(-3_600_000)
    clock.skip(61_000)
    await until('the next one is called', () => jumpy.called.includes(next.name))
    // The release itself is dated by the machine's clock, as its record is read by people.
    clock.jump(3_600_000)
    expect(await claimOne(jumpy, next, main(pool))).toBe('192.0.2.1')
  })

  it('gives the address again after reuseAfter, and then calls who waits', async () => {
    const clock = new TurnedClock()
    const patient = await open({ clock })
    const pool = await makePool(scope, { ranges: ['192.0.2.1'], reuseAfter: '1h' }, patient)
    const [holder, next] = [aVm(), aVm()]
    await claimOne(patient, holder, main(pool))
    await patient.book.release(holder, { outcome: 'free' })
    expect((await onServer('192.0.2.1'))?.spec.state).toBe('Cooling')
    expect(await claimOne(patient, next, main(pool))).toBe('waiting PoolExhausted')
    clock.turn(3_599_000)
    expect(patient.called).toEqual([])
    expect(await claimOne(patient, next, main(pool))).toBe('waiting PoolExhausted')
    clock.turn(1_000)
    expect(patient.called).toEqual([next.name])
    expect(await claimOne(patient, next, main(pool))).toBe('192.0.2.1')
  })

  it('is no need when the pool grows', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1'] }, stand)
    const vm = aVm()
    await claimOne(stand, aVm(), main(pool))
    await claimOne(stand, vm, main(pool))
    await stand.client.mergePatch(ipPools, { name: pool }, { spec: { ranges: ['192.0.2.1-192.0.2.2'] } })
    await until('the VM is called', () => stand.called.includes(vm.name))
    expect(await claimOne(stand, vm, main(pool))).toBe('192.0.2.2')
  })
})
