import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { heldFinalizer } from '../../src/api/group.ts'
import { ipPools, poolAddresses } from '../../src/api/meta.ts'
import type { PoolAddress } from '../../src/api/pooladdress.ts'
import { KubeClient, KubeError } from '../../src/kube/client.ts'
import { freshName, freshNamespace } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { addressOn, aVm, claimOne, main, makePool, type openBook, shortly, type Stand, Stands } from './address-book-fixture.ts'

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

describe('a claim', () => {
  it('is one create, and nothing when it is repeated', async () => {
    const pool = await makePool(
      scope,
      {
        ranges: ['192.0.2.0/24'],
        gateway: '192.0.2.1',
        nameservers: ['192.0.2.53'],
        searchDomain: 'example.com',
        network: { bridge: 'vmbr0', vlan: 120 },
      },
      stand,
    )
    await claimOne(stand, aVm(), main(pool))
    stand.requests.length = 0
    const vm = aVm()
    const wire = { gateway: '192.0.2.1', nameservers: ['192.0.2.53'], searchDomain: 'example.com', bridge: 'vmbr0', vlan: 120 }
    const granted = { is: 'granted', entry: 'main', family: 'IPv4', address: '192.0.2.3', prefixLength: 24, ...wire, pool }
    expect(await stand.book.claim(vm, [main(pool)], 'fra1')).toEqual([granted])
    expect(stand.requests).toEqual(['POST pooladdresses 201'])
    expect(await stand.book.claim(vm, [main(pool)], 'fra1')).toEqual([granted])
    expect(stand.book.grants(vm, [main(pool)], 'fra1')).toEqual([granted])
    expect(stand.requests).toHaveLength(1)
    expect((await onServer('192.0.2.3'))?.spec).toMatchObject({
      state: 'Allocated',
      poolRef: { name: pool },
      claimRef: { namespace: 'shop', name: vm.name, uid: vm.uid, entry: 'main' },
    })
    expect((await onServer('192.0.2.3'))?.metadata.finalizers).toEqual([heldFinalizer])
    expect((await stand.client.get(ipPools, { name: pool }))?.metadata.finalizers).toEqual([heldFinalizer])
  })

  it('gives several entries of one pool several addresses, in one family each', async () => {
    const v4 = await makePool(scope, { ranges: ['192.0.2.10-192.0.2.20'] }, stand)
    const v6 = await makePool(scope, { ranges: ['2001:db8:a::/64'], prefixLength: 64 }, stand)
    const entries = [main(v4), { name: 'second', pool: v4 }, { name: 'six', pool: v6 }]
    expect((await stand.book.claim(aVm(), entries, 'fra1')).map(shortly)).toEqual(['192.0.2.10', '192.0.2.11', '2001:db8:a::1'])
    expect(await stand.client.get(poolAddresses, { name: `2001-0db8-000a-0000-0000-0000-0000-0001.${scope}` })).toMatchObject({
      spec: { address: '2001:db8:a::1' },
    })
  })

  it('never gives two VMs one address, though two operators race for the same pool', async () => {
    const rival = await open()
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.40'] }, stand, rival)
    const claims = Array.from({ length: 44 }, (_, at) => claimOne(at % 2 === 0 ? stand : rival, aVm(), main(pool)))
    const answers = await Promise.all(claims)
    const given = answers.filter((answer) => answer.startsWith('192.'))
    expect(new Set(given).size).toBe(40)
    expect(given).toHaveLength(40)
    expect(answers.filter((answer) => answer === 'waiting PoolExhausted')).toHaveLength(4)
  })

  it('of one VM by two callers at once takes one address', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'] }, stand)
    const vm = aVm()
    expect(await Promise.all([claimOne(stand, vm, main(pool)), claimOne(stand, vm, main(pool))])).toEqual(['192.0.2.1', '192.0.2.1'])
    expect(stand.book.held(vm.uid)).toHaveLength(1)
  })

  it('finds its address again when the reply was lost', async () => {
    const forgetful = await open({ clientClass: Forgetful })
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'] }, stand, forgetful)
    await forgetful.deafen()
    const vm = aVm()
    await expect(claimOne(forgetful, vm, main(pool))).rejects.toThrow('reply lost')
    expect(await claimOne(forgetful, aVm(), main(pool))).toBe('192.0.2.2')
    expect(await claimOne(forgetful, vm, main(pool))).toBe('192.0.2.1')
    expect((await stand.client.list(poolAddresses)).filter(({ spec }) => spec.scope === scope)).toHaveLength(2)
  })

  it('gives back what it took when the reply was lost and the VM is deleted', async () => {
    const forgetful = await open({ clientClass: Forgetful })
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'] }, stand, forgetful)
    await forgetful.deafen()
    const vm = aVm()
    await expect(claimOne(forgetful, vm, main(pool))).rejects.toThrow('reply lost')
    await forgetful.book.release(vm, { outcome: 'free' })
    expect((await onServer('192.0.2.1'))?.spec).toMatchObject({ state: 'Released', history: [{ uid: vm.uid }] })
  })

  it('finds its address again after a crash', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'] }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(pool))
    const next = await open()
    expect(await claimOne(next, vm, main(pool))).toBe('192.0.2.1')
    expect(next.requests).toEqual([])
  })

  it('takes again the address the guest was given when its object is lost, and no other', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'] }, stand)
    const vm = aVm()
    expect(await claimOne(stand, vm, { ...main(pool), recorded: '192.0.2.7' })).toBe('192.0.2.7')
    expect(await claimOne(stand, aVm(), { ...main(pool), recorded: '192.0.2.7' })).toBe('refused AddressTaken')
  })

  it('keeps an address under a renamed entry, and takes a newly named one beside the old one', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'] }, stand)
    const vm = aVm()
    await claimOne(stand, vm, main(pool))
    expect(await claimOne(stand, vm, { name: 'public', pool })).toBe('192.0.2.1')
    expect(stand.book.surplus(vm, [{ name: 'public', pool }])).toEqual([])
    const impossible = { name: 'public', pool, address: '192.0.2.99' }
    expect(await claimOne(stand, vm, impossible)).toBe('refused AddressNotInPool')
    expect(stand.book.surplus(vm, [impossible])).toEqual([])
    const renumbered = { name: 'public', pool, address: '192.0.2.5' }
    const both = await stand.book.claim(vm, [renumbered, { name: 'second', pool }], 'fra1')
    expect(both.map(shortly)).toEqual(['192.0.2.5', '192.0.2.2'])
    await stand.book.release(vm, { entries: ['second'], outcome: 'free' })
    expect(stand.book.surplus(vm, [renumbered]).map(({ spec }) => spec.address)).toEqual(['192.0.2.1'])
    await stand.book.release(vm, { addresses: ['192.0.2.1'], outcome: 'free' })
    expect(stand.book.held(vm.uid).map(({ spec }) => spec.address)).toEqual(['192.0.2.5'])
  })
})

describe('a requested address', () => {
  it('is granted or reported, never replaced', async () => {
    const spec = {
      ranges: ['192.0.2.0/24'],
      exclude: ['192.0.2.9'],
      gateway: '192.0.2.1',
      reservations: [{ address: '192.0.2.25', for: { namespace: 'shop', name: 'mail' } }],
    }
    const pool = await makePool(scope, { ...spec, reuseAfter: '1h' }, stand)
    const holder = aVm()
    const remedy = '; correct spec.addresses[main].address, or remove it to get any free address'
    const ask = async (address: string, who = aVm()): Promise<string[]> => {
      const [answer] = await stand.book.claim(who, [main(pool, address)], 'fra1')
      return [shortly(answer), answer?.is === 'granted' ? '' : (answer?.message ?? '')]
    }
    expect(await ask('192.0.2.77', holder)).toEqual(['192.0.2.77', ''])
    expect(await ask('192.0.2.77')).toEqual(['refused AddressTaken', `192.0.2.77 of IPPool ${pool} is held by shop/${holder.name}`])
    expect(await ask('192.0.2.9')).toEqual(['refused AddressExcluded', `IPPool ${pool} cannot allocate 192.0.2.9: it is excluded${remedy}`])
    expect((await ask('192.0.2.1'))[1]).toBe(`IPPool ${pool} cannot allocate 192.0.2.1: it is the gateway${remedy}`)
    expect((await ask('192.0.2.255'))[1]).toBe(`IPPool ${pool} cannot allocate 192.0.2.255: it is a network or broadcast address${remedy}`)
    expect(await ask('198.51.100.1')).toEqual([
      'refused AddressNotInPool',
      `IPPool ${pool} cannot allocate 198.51.100.1: it is not in the ranges${remedy}`,
    ])
    expect(await ask('192.0.2.25')).toEqual([
      'refused AddressExcluded',
      `IPPool ${pool} cannot allocate 192.0.2.25: it is reserved for shop/mail${remedy}`,
    ])
    expect(await ask('192.0.2.25', aVm({ name: 'mail' }))).toEqual(['192.0.2.25', ''])
    await stand.book.release(holder, { outcome: 'free' })
    expect((await ask('192.0.2.77'))[0]).toBe('waiting AddressCooling')
    expect((await ask('192.0.2.77'))[1]).toMatch(/cannot be reused until \d{4}-/)
  })

  it('is not given twice to entries of one VM', async () => {
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'] }, stand)
    const answers = await stand.book.claim(aVm(), [main(pool, '192.0.2.5'), { name: 'second', pool, address: '192.0.2.5' }], 'fra1')
    expect(answers.map(shortly)).toEqual(['192.0.2.5', 'refused AddressTaken'])
  })

  it('is known by any spelling of IPv6', async () => {
    const pool = await makePool(scope, { ranges: ['2001:db8:a::/64'] }, stand)
    const vm = aVm()
    expect(await claimOne(stand, vm, main(pool, '2001:DB8:A:0::00ff'))).toBe('2001:db8:a::ff')
    stand.requests.length = 0
    expect(await claimOne(stand, vm, main(pool, '2001:db8:a:0:0:0:0:ff'))).toBe('2001:db8:a::ff')
    expect(stand.requests).toEqual([])
  })

  it('goes to the VM it is reserved for also when that asks for none', async () => {
    const reservations = [{ address: '192.0.2.7', for: { namespace: 'shop', name: 'mail' } }]
    const pool = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'], reservations }, stand)
    const entries = [main(pool), { name: 'second', pool }]
    expect((await stand.book.claim(aVm({ name: 'mail' }), entries, 'fra1')).map(shortly)).toEqual(['192.0.2.7', '192.0.2.1'])
    expect(await claimOne(stand, aVm({ name: 'mail', namespace: 'elsewhere' }), main(pool))).toBe('192.0.2.2')
  })
})

describe('a pool', () => {
  it('serves the namespaces and clusters it allows, and says so when one is allowed later', async () => {
    const namespace = await freshNamespace(stand.client, { tier: 'silver' })
    const allowedNamespaces = { from: 'Selector' as const, selector: { matchLabels: { tier: 'gold' } } }
    const gold = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.9'], allowedNamespaces }, stand)
    const elsewhere = await makePool(scope, { ranges: ['192.0.2.101-192.0.2.109'], clusterRefs: [{ name: 'ams1' }] }, stand)
    const vm = aVm({ namespace })
    expect(await claimOne(stand, vm, main(gold))).toBe('refused PoolNotAllowed')
    expect(await claimOne(stand, aVm(), main(elsewhere))).toBe('refused PoolNotAllowed')
    expect(await claimOne(stand, aVm(), main('no-such-pool'))).toBe('refused PoolNotFound')
    await stand.client.mergePatch(
      { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
      { name: namespace },
      { metadata: { labels: { tier: 'gold' } } },
    )
    await until('the VM is called', () => stand.called.includes(vm.name))
    expect(await claimOne(stand, vm, main(gold))).toBe('192.0.2.1')
  })

  it('shares its scope: no address is given by two pools that have it', async () => {
    const one = await makePool(scope, { ranges: ['192.0.2.1-192.0.2.4'] }, stand)
    const other = await makePool(scope, { ranges: ['192.0.2.3-192.0.2.6'] }, stand)
    const claims = Array.from({ length: 8 }, (_, at) => claimOne(stand, aVm(), main(at % 2 === 0 ? one : other)))
    const given = (await Promise.all(claims)).filter((answer) => answer.startsWith('192.'))
    expect(given.length).toBeGreaterThanOrEqual(5)
    expect(new Set(given).size).toBe(given.length)
  })
})

/** Loses the reply of the first create, after the server has done it. */
class Forgetful extends KubeClient {
  private lost = false
  override create: KubeClient['create'] = async (resource, object, o) => {
    const made = await super.create(resource, object, o)
    if (resource.plural !== 'pooladdresses' || this.lost) return made
    this.lost = true
    throw new KubeError('reply lost', { status: 0, reason: 'NoAnswer' })
  }
}
