/** The WHMCS module where something is in the way, and its jobs over all services. */
import { execFileSync } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { namespaces, proxmoxClusters, vmPackages } from '../../src/api/meta.ts'
import { commandNames } from '../../src/api/proxmoxvmcommand.ts'
import type { VMPackage } from '../../src/api/vmpackage.ts'
import { until } from '../support/until.ts'
import { transfer, untilUsage } from '../usage/scene.ts'
import { TestWorld } from '../support/world.ts'
import { phpIsHere } from './whmcs/php.ts'
import { service, Shop } from './whmcs/shop.ts'

const suite = phpIsHere() ? describe : describe.skip

let world: TestWorld
let shop: Shop
let small: string

suite('a shop on WHMCS', () => {
  beforeAll(async () => {
    world = await TestWorld.start()
    small = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } })
    shop = await Shop.open(world, { 1: world.cluster, 2: small, 3: 'debian-13', 6: world.namespace }, ['pve-billing-bridge'])
  })
  afterAll(async () => {
    await shop?.close()
    await world?.stop()
  })

  describe('which is not set up well', () => {
    const broken = async (table: 'tblproducts' | 'tblservers' | 'tblhosting', values: object, name = 'CreateAccount'): Promise<unknown> => {
      const before = await shop.tables()
      await shop.edit(table, { ...values })
      const answer = await shop.press(name, { server: name === 'TestConnection' })
      await shop.write(before)
      return answer
    }

    it.each([
      ['a namespace that does not exist', { configoption6: 'customer-{client_id}' }, /customer-142/],
      ['a namespace that is not a name', { configoption6: 'Customer {client_id}' }, /"Customer 142" is not a name Kubernetes takes/],
      ['no package', { configoption2: '' }, /The product has no Package: fill it in under Module Settings/],
      ['package fields that are not JSON', { configoption17: '{cpu: 2}' }, /Package fields are not JSON/],
      ['a field the API does not know', { configoption17: '{"cpu": {"kernels": 2}}' }, /kernels/],
    ] as [string, object, RegExp][])('is told of %s', async (_, values, sentence) => {
      expect(await broken('tblproducts', values)).toMatch(sentence)
      expect(await world.vm('whmcs-5546')).toBeUndefined()
    })

    it.each([
      ['a size that is none', { configoptions: { Memory: 'lots' } }, /"Memory" has the value "lots": a size is expected, such as 8/],
      ['more addresses than a server takes', { configoptions: { ipv4: '9' } }, /asks for 9 addresses; a server takes 8/],
      ['addresses without a pool', { configoptions: { ipv4: '1' } }, /1 ipv4 addresses and the product no ipv4 pool/],
      ['a host name that is none', { domain: 'under_score.example.com' }, /hostname/],
    ] as [string, object, RegExp][])('is told of %s', async (_, values, sentence) => {
      expect(await broken('tblhosting', values)).toMatch(sentence)
    })

    it.each([
      ['a token that is not valid', { password: 'encrypted:x' }, /rejects the token \(401\)/],
      ['no token', { password: 'encrypted:' }, /has no token: put the token of the billing bridge into its Password field/],
      ['another CA', { accesshash: '' }, /is not trusted .*Put the CA of the API server into the Access Hash/],
      ['a CA that is none', { accesshash: 'abc' }, /is not a certificate/],
      ['a port nobody listens on', { port: 1 }, /does not answer .*press again later/],
    ] as [string, object, RegExp][])('is told of %s', async (_, values, sentence) => {
      expect(await broken('tblservers', values)).toMatch(sentence)
      expect(await broken('tblservers', values, 'TestConnection')).toMatchObject({ success: false, error: expect.stringMatching(sentence) })
    })

    it('is told of a right its token lacks', async () => {
      const elsewhere = `${world.namespace}-b`
      await world.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: elsewhere } })
      expect(await broken('tblproducts', { configoption6: elsewhere })).toMatch(/forbidden.*see "Rights" in docs\/whmcs\.md/)
    })

    it('never writes its token or a password into the module log', async () => {
      const { log } = await shop.call('TestConnection', { server: true })
      expect(log.length).toBeGreaterThan(0)
      expect(log.join()).not.toContain(String((await shop.tables()).tblservers[0]?.password).replace('encrypted:', ''))
    })
  })

  describe('whose API server does not answer', () => {
    let deaf: Server
    beforeAll(async () => {
      deaf = createServer()
      await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
      await shop.edit('tblservers', { hostname: '127.0.0.1', ...(deaf.address() as AddressInfo) })
    })
    afterAll(async () => {
      deaf.close()
      await shop.close()
      shop = await Shop.open(world, { 1: world.cluster, 2: small, 3: 'debian-13', 6: world.namespace }, ['pve-billing-bridge'])
    })

    it.each(['CreateAccount', 'TerminateAccount', 'AdminServicesTabFields', 'ClientArea'])(
      'answers %s within 10 s all the same',
      async (name) => {
        const { answer, seconds } = await shop.call(name)
        expect(seconds).toBeLessThan(10)
        expect(JSON.stringify(answer)).toMatch(/does not answer|unavailable\.tpl/)
      },
    )
  })

  describe('while the operator is away', () => {
    beforeAll(() => world.stopOperator())

    it('is told that an order waits, and goes on by its cron job when the operator is back', async () => {
      expect(await shop.press('CreateAccount')).toContain('The operator has not read the last order yet.')
      expect((await shop.service()).notes).toMatch(/creation begun: \S+\/whmcs-5546 uid/)
      const waiting = await shop.call('AfterCronJob')
      expect([waiting.answer, waiting.activity]).toEqual([[0], []])
      const { tblservers } = await shop.tables()
      await shop.edit('tblservers', { port: 1 })
      expect(await shop.press('AfterCronJob')).toEqual([0])
      await shop.edit('tblservers', { ...tblservers[0] })
      await world.startOperator()
      await world.untilReady('whmcs-5546')
      expect(await shop.press('AfterCronJob')).toEqual([1])
      expect(await shop.service()).toMatchObject({ domainstatus: 'Active', username: expect.any(String) })
      expect((await shop.service()).notes).toMatch(/creation done: \S+\/whmcs-5546 uid/)
      const writes = world.writes().length
      await shop.press('AfterCronJob')
      expect(world.writes()).toHaveLength(writes)
    })

    it('is told that a deletion goes on, and ends it by its cron job', async () => {
      await world.stopOperator()
      expect(await shop.press('TerminateAccount')).toContain('The server is being deleted')
      expect(await shop.service()).toMatchObject({ domainstatus: 'Active' })
      expect(await shop.press('CreateAccount')).toContain('still being terminated')
      await world.startOperator()
      await world.untilGone('whmcs-5546')
      await shop.press('AfterCronJob')
      expect(await shop.service()).toMatchObject({ domainstatus: 'Terminated' })
      await shop.edit('tblhosting', { domainstatus: 'Pending' })
    })
  })

  describe('with servers behind it', () => {
    beforeAll(async () => {
      await shop.press('CreateAccount')
      await world.untilReady('whmcs-5546')
    })

    const account = () => ({
      email: 'ada@example.com',
      domain: 'web1.vps.example.com',
      uniqueIdentifier: 'web1.vps.example.com',
      product: small,
      status: 'Active',
      created: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    })

    it('lists them to the Server Sync tool, namespace by namespace', async () => {
      await world.born('not-from-whmcs')
      expect(await shop.press('ListAccounts', { server: true })).toMatchObject({ success: true, accounts: [account()] })
    })

    it('writes their limits into the service once a day', async () => {
      expect(await shop.press('UsageUpdate', { server: true })).toBe('success')
      expect(await shop.service()).toMatchObject({ id: service, disklimit: 20 * 1024, lastupdate: expect.stringMatching(/^\d{4}-/) })
    })

    it('writes them all the same when it may not see the namespace of another customer, and names that one', async () => {
      const before = await shop.tables()
      const [customer] = before.tblhosting
      const others = [
        { ...customer, id: 5547, packageid: 8 },
        { ...customer, id: 5548, packageid: 9, domainstatus: 'Terminated' },
      ]
      const products = [8, 9].map((id) => ({ ...before.tblproducts[0], id, configoption6: `not-mine-${id}` }))
      await shop.write({
        ...before,
        tblproducts: [...before.tblproducts, ...products],
        // The forbidden one comes first.
        tblhosting: [others[0] ?? {}, { ...customer, disklimit: 0 }, others[1] ?? {}],
      })
      const { answer, activity } = await shop.call('UsageUpdate', { server: true })
      expect(answer).toMatch(/^Namespace not-mine-8: proxmoxvms\.pve\.hosting is forbidden.*see "Rights" in docs\/whmcs\.md\.\)$/)
      expect(activity.join()).toContain('usage was not updated everywhere: Namespace not-mine-8')
      expect((await shop.tables()).tblhosting[1]).toMatchObject({ id: service, disklimit: 20 * 1024 })
      await shop.write(before)
    })

    it('writes the traffic of the period beside them, as the operator counts it', async () => {
      await world.edit('whmcs-5546', { spec: { package: { traffic: { limit: '2Ti' } } } })
      const vm = await untilUsage(world, 'whmcs-5546', 'counted', ({ limitBytes }) => limitBytes === 2 ** 41)
      transfer(world, vm, 2 ** 40, 2 ** 40)
      await untilUsage(world, 'whmcs-5546', 'at the limit', ({ percent }) => percent === 100)
      expect(await shop.press('UsageUpdate', { server: true })).toBe('success')
      expect(await shop.service()).toMatchObject({ bwusage: 2 ** 21, bwlimit: 2 ** 21 })
      await world.edit('whmcs-5546', { spec: { package: { traffic: null } } })
      await until('it is no longer counted', async () => (await world.vm('whmcs-5546'))?.status?.usage === undefined)
    })

    it('offers names to choose from where its token may see the whole cluster', async () => {
      await shop.bind('pve-viewer', 'ClusterRoleBinding')
      await until('the right acts', async () => {
        const names = (await shop.press('LoadPackages', { server: true })) as Record<string, string>
        return names[small] === small
      })
      expect(await shop.press('LoadClusters', { server: true })).toMatchObject({ [world.cluster]: world.cluster })
      expect(await shop.press('LoadTemplates', { server: true })).toMatchObject({ 'debian-13': expect.stringContaining('debian-13 (') })
      const listed = (await shop.press('ListAccounts', { server: true })) as { accounts: unknown[] }
      expect(listed.accounts).toContainEqual(expect.objectContaining(account()))
    })

    it('takes the stock of its product from what the operator counts', async () => {
      const counted = async () => {
        const rows = (await world.get<VMPackage>(vmPackages, small))?.status?.sellable
        return rows?.find(({ cluster }) => cluster === world.cluster)?.count
      }
      const stock = async () => {
        expect(await shop.press('UsageUpdate', { server: true })).toBe('success')
        return (await shop.tables()).tblproducts[0]?.qty
      }
      const before = await until('the package is counted', counted)
      await shop.edit('tblproducts', { stockcontrol: 1, qty: 3 })
      expect(await stock()).toBe(before)
      await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { overcommit: { memory: '0.1' } } })
      const after = await until(
        'memory limits it',
        async () => {
          world.skip(61_000)
          const count = await counted()
          return count !== undefined && count < before ? count : undefined
        },
        { everyMs: 500 },
      )
      expect(await stock()).toBe(after)
      await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { overcommit: null } })
      await shop.edit('tblproducts', { stockcontrol: 0 })
    })

    it('never touches an object of another service', async () => {
      await world.edit('whmcs-5546', { metadata: { labels: { 'pve.hosting/service-id': '77' } } })
      expect(await shop.press('TerminateAccount')).toContain('belongs to service "77", not to this one')
      expect(await world.vm('whmcs-5546')).not.toHaveProperty('metadata.deletionTimestamp')
    })
  })

  it('reads traffic where the package counts it, and stock where the operator tells it', () => {
    const script = `require $argv[1] . '/lib/autoload.php'; echo json_encode([
      PveOperator\\Usage::of(new PveOperator\\Vm(['status' => ['usage' => ['receivedBytes' => 3145728, 'sentBytes' => 1048576, 'limitBytes' => 2199023255552]]])),
      PveOperator\\Usage::of(new PveOperator\\Vm(['status' => ['usage' => ['receivedBytes' => 20000000000000, 'sentBytes' => 0]]])),
      PveOperator\\Usage::of(new PveOperator\\Vm(['status' => []])),
      PveOperator\\Stock::of([['metadata' => ['name' => 's'], 'status' => ['sellable' => [['cluster' => 'fra1', 'count' => 12]]]]], 's', 'fra1'),
      PveOperator\\Stock::of([['metadata' => ['name' => 's']]], 's', 'fra1'),
    ]);`
    const run = execFileSync('php', ['-r', script, '--', join(shop.directory, 'modules/servers/pveoperator')], { encoding: 'utf8' })
    expect(JSON.parse(run)).toEqual([{ bwusage: 4, bwlimit: 2 * 1024 * 1024 }, { bwusage: 19_073_486, bwlimit: 0 }, [], 12, null])
  })

  it('has a button for every command that takes no field of its own', async () => {
    const buttons = Object.values((await shop.press('AdminCustomButtonArray')) as Record<string, string>)
    const takesFields = ['Rollback', 'Migrate']
    const wanted = commandNames.filter((command) => !takesFields.includes(command))
    expect(buttons).toEqual([
      ...wanted.map((command) => (command === 'ChangePackage' ? 'newestpackage' : command.toLowerCase())),
      'refresh',
    ])
  })
})
