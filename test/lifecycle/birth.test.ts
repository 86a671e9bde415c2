import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { secrets } from '../../src/api/meta.ts'
import { aV4Pool, aV6Pool, vpsM, whmcs5546 } from '../support/builders.ts'
import { tableOf } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a birth', () => {
  let world: TestWorld
  let v4: string
  let v6: string
  /** What PVE was asked for between the apply and Ready. */
  let writes: readonly string[]
  let requests: readonly string[]

  beforeAll(async () => {
    world = await TestWorld.start()
    v4 = await world.pool(aV4Pool())
    v6 = await world.pool(aV6Pool())
    const packageName = await world.package(vpsM)
    // The cluster is looked at once, whoever comes first: its preflight is no part of a birth.
    await until('the cluster is known', async () => (await world.clusterCondition('Ready'))?.status === 'True')
    world.simulator.requests.reset()
    await world.apply('whmcs-5546', { ...whmcs5546({ v4, v6, packageName }), hostname: 'web1.vps.example.com' })
    await world.untilReady('whmcs-5546')
    writes = world.writes()
    requests = world.requests()
  })
  afterAll(async () => await world.stop())

  it('sends the twelve writes of the golden trace, in its order, and no others', async () => {
    const vm = await world.untilReady('whmcs-5546')
    const golden = readFileSync(join(import.meta.dirname, 'golden/birth.txt'), 'utf8')
      .trim()
      .split('\n')
    expect(
      writes.map((line) =>
        line
          .replaceAll(String(vm.status?.vmid), 'VMID')
          .replace(/pve\d/, 'NODE')
          .replace(/qemu\/900\d\//, 'qemu/TEMPLATE/'),
      ),
    ).toEqual(golden)
    if (process.env.TRACE) process.stderr.write(requests.join('\n'))
    expect(requests.length).toBeLessThanOrEqual(28)
  })

  it('leaves a running VM that is as declared, and says so', async () => {
    const vm = await world.vm('whmcs-5546')
    expect(vm?.status).toMatchObject({
      localStatus: 'ready',
      remoteStatus: 'running',
      phase: 'Running',
      progress: '12/12',
      hostname: 'web1.vps.example.com',
      addresses: [
        { name: 'main', address: '203.0.113.10', gateway: '203.0.113.1' },
        { name: 'main6', address: '2001:db8:a::100' },
      ],
    })
    expect(world.condition(vm, 'Ready')).toMatchObject({ status: 'True', reason: 'Running' })
    expect(world.condition(vm, 'Reconciling')).toBeUndefined()
    expect(world.condition(vm, 'Stalled')).toBeUndefined()
    const guest = world.simulator.world.guests.get(vm?.status?.vmid ?? 0)
    expect(Object.fromEntries(guest?.config ?? [])).toMatchObject({
      cores: '2',
      memory: '8192',
      balloon: '0',
      cpulimit: '1.5',
      cpuunits: '200',
      ciuser: 'admin',
      name: 'web1.vps.example.com',
    })
  })

  it('shows itself in the columns of kubectl get', async () => {
    const vm = await world.vm('whmcs-5546')
    const { columns, rows } = await tableOf('proxmoxvms', world.namespace)
    expect(columns).toEqual(
      'Name Ready Phase Local-Status Power IP Node VMID Reason Age Hostname Guest-IP Package Traffic-Percent Cluster Template Step Remarks Message'.split(
        ' ',
      ),
    )
    const [row = []] = rows
    expect(
      row
        // Age, what the guest tells after a while, and the share of a limit that this package does not have.
        .filter((_, index) => ![9, 11, 13].includes(index))
        .slice(0, 13)
        .map(String),
    ).toEqual([
      'whmcs-5546',
      'True',
      'Running',
      'ready',
      'running',
      '203.0.113.10',
      vm?.status?.node,
      String(vm?.status?.vmid),
      'Running',
      'web1.vps.example.com',
      vm?.spec.packageRef?.name,
      world.cluster,
      'debian-13',
    ])
  })

  it('keeps the generated password in a Secret that belongs to the VM, and nowhere else', async () => {
    const vm = await world.vm('whmcs-5546')
    const secret = await world.client.get(secrets, { namespace: world.namespace, name: 'whmcs-5546-credentials' })
    const password = Buffer.from(secret?.data?.password ?? '', 'base64').toString()
    expect(password).toHaveLength(20)
    expect(secret?.metadata.ownerReferences?.[0]?.uid).toBe(vm?.metadata.uid)
    expect(JSON.stringify(vm)).not.toContain(password)
  })

  it('gives everything back when the object is deleted', async () => {
    await world.delete('whmcs-5546')
    await world.untilGone('whmcs-5546')
    expect([...world.simulator.world.guests.values()].filter((guest) => !guest.config.has('template'))).toEqual([])
    const held = (await world.addresses(v4)).filter((address) => address.spec.claimRef)
    expect(held).toEqual([])
    expect(await world.client.get(secrets, { namespace: world.namespace, name: 'whmcs-5546-credentials' })).toBeUndefined()
  })
})
