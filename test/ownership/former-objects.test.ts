import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { parseMark } from '../../src/ladder/mark.ts'
import { at } from '../plugin/terminal.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { forget, setBack } from './losing.ts'

describe('an object made again under the name of a former one', () => {
  let world: TestWorld
  let pool: string
  let former: ProxmoxVM
  const pve = at(() => world.namespace)
  const spec = () => ({ addresses: [{ name: 'main', poolRef: { name: pool } }], package: vpsM })

  beforeEach(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
    former = await world.born('shop', spec())
    await world.stopOperator()
    await forget(world, 'shop')
  })
  afterEach(async () => await world.stop())

  const guest = () => world.guestOf(former)
  const addressOf = (vm: ProxmoxVM) => vm.status?.addresses?.map(({ address }) => address)
  const holders = async () => (await world.addresses(pool)).flatMap(({ spec: { claimRef } }) => claimRef?.uid ?? [])
  const adoption = () => ({
    vmid: former.status?.vmid,
    macAddress: former.status?.interfaces?.[0]?.macAddress,
    mode: 'Take',
    fromUID: former.metadata.uid,
  })

  it('is not born: it names the guest and the command, and no address changes its holder', async () => {
    world.simulator.requests.reset()
    await world.apply('shop', spec())
    await world.startOperator()
    const vm = await world.untilCondition('shop', 'Stalled', 'True', 'OwnedByFormerObject')
    const message = world.condition(vm, 'Stalled')?.message ?? ''
    expect(message).toContain(`VM ${former.status?.vmid} on ${former.status?.node}`)
    expect(message).toContain(`kubectl pve adopt --former -n ${world.namespace}`)
    expect(await holders()).toEqual([former.metadata.uid])
    expect(world.writes()).toEqual([])
  })

  it('takes the guest over as it runs, when kubectl pve adopt --former says so', async () => {
    const before = { mac: guest().config.get('net0'), uuid: guest().config.get('smbios1') }
    await world.apply('shop', spec())
    await world.startOperator()
    await world.untilCondition('shop', 'Stalled', 'True', 'OwnedByFormerObject')
    world.simulator.requests.reset()
    expect(await pve('adopt', '--former')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
    const said = await pve('adopt', '--former', '--yes')
    expect(said.out).toContain(`VM ${former.status?.vmid} is taken over`)
    expect(said.err).toContain(former.metadata.uid)
    const vm = await world.untilCondition('shop', 'NetworkConfigured', 'True')
    expect(addressOf(vm)).toEqual(addressOf(former))
    expect(vm.status?.disks?.map(({ key, volume }) => ({ key, volume }))).toEqual(
      former.status?.disks?.map(({ key, volume }) => ({ key, volume })),
    )
    expect(await holders()).toEqual([vm.metadata.uid])
    expect(parseMark(guest().config.get('description'))).toMatchObject({ uid: vm.metadata.uid, object: { name: 'shop' } })
    expect({ mac: guest().config.get('net0'), uuid: guest().config.get('smbios1') }).toEqual(before)
    // The mark, and nothing else.
    expect(world.writes()).toEqual([`PUT ${world.pathOf(former)}/config`])
    expect(world.guests()).toHaveLength(1)
  })

  it('lets another package wait until somebody asks for it', async () => {
    const name = await world.package({ ...vpsM, cpu: { ...vpsM.cpu, cores: 4 } })
    const { package: _, ...rest } = spec()
    await world.apply('shop', { ...rest, packageRef: { name }, package: undefined, adopt: adoption() })
    await world.startOperator()
    const vm = await world.untilCondition('shop', 'PackageApplied', 'False', 'PackageOutdated')
    expect(guest().config.get('cores')).toBe('2')
    expect(vm.status?.package?.cpu?.cores).toBe(2)
    expect(world.condition(vm, 'Ready')?.status).toBe('True')
  })

  it('is refused another guest than the one it describes, and holds nothing for it', async () => {
    await world.apply('shop', { ...spec(), adopt: { ...adoption(), macAddress: 'BC:24:11:00:00:01' } })
    await world.startOperator()
    const vm = await world.untilCondition('shop', 'Stalled', 'True', 'AdoptMismatch')
    expect(world.condition(vm, 'Stalled')?.message).toContain(former.status?.interfaces?.[0]?.macAddress)
    expect(parseMark(guest().config.get('description'))?.uid).toBe(former.metadata.uid)
    expect(await holders()).toEqual([former.metadata.uid])
    await world.edit('shop', { spec: { adopt: adoption() } })
    expect(addressOf(await world.untilReady('shop'))).toEqual(addressOf(former))
  })

  it('stalls so as well when the status of the former one came along, and is ready once an admin puts its mark into the description', async () => {
    const { metadata } = await world.apply('shop', spec())
    await setBack(world, 'shop', former.status)
    await world.startOperator()
    await world.untilCondition('shop', 'Stalled', 'True', 'OwnedByFormerObject')
    expect(await holders()).toEqual([former.metadata.uid])
    await world.inPve('PUT', `${world.pathOf(former)}/config`, {
      description: `pve.hosting/owner uid=${metadata.uid} vmid=${former.status?.vmid}`,
    })
    await world.edit('shop', { metadata: { annotations: { looked: 'again' } } })
    expect(addressOf(await world.untilReady('shop'))).toEqual(addressOf(former))
    expect(await holders()).toEqual([metadata.uid])
  })

  it('can be deleted again, and the guest keeps running with its address', async () => {
    await world.apply('shop', spec())
    await setBack(world, 'shop', former.status)
    await world.startOperator()
    await world.untilCondition('shop', 'Stalled', 'True', 'OwnedByFormerObject')
    await world.delete('shop')
    await world.untilGone('shop')
    expect(guest().isRunning).toBe(true)
    expect(await holders()).toEqual([former.metadata.uid])
  })

  it('is born when the guest of the former one is deleted in PVE', async () => {
    await world.apply('shop', spec())
    await world.startOperator()
    await world.untilCondition('shop', 'Stalled', 'True', 'OwnedByFormerObject')
    await world.inPve('POST', `${world.pathOf(former)}/status/stop`)
    await world.inPve('DELETE', world.pathOf(former))
    const vm = await world.untilReady('shop', 60)
    expect(vm.status?.adoption).toBeUndefined()
    expect(world.guests()).toHaveLength(1)
  })

  it('waits as well for a guest of another Kubernetes cluster in the range of this one, which counts once that is named as a former one', async () => {
    const description = guest().config.get('description') ?? ''
    await world.inPve('PUT', `${world.pathOf(former)}/config`, {
      description: description.replace(/installation=\S+/, 'installation=there'),
    })
    await world.apply('shop', spec())
    await world.apply('other', spec())
    await world.startOperator()
    const vm = await world.untilCondition('shop', 'Stalled', 'True', 'OwnedByFormerObject')
    expect(world.condition(vm, 'Stalled')?.message).toContain('another Kubernetes cluster (there)')
    expect(addressOf(await world.untilReady('other'))).not.toEqual(addressOf(former))
    const status = async () => (await world.client.get(proxmoxClusters, { name: world.cluster }))?.status
    await until('the guest is told', async () => (await status())?.unclaimed?.[0]?.installation === 'there')
    expect((await status())?.unclaimedCount).toBe(0)
    await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { formerInstallations: ['there'] } })
    await until('the guest counts', async () => (await status())?.unclaimedCount === 1)
    expect((await pve('adopt', '--former', '--yes')).code).toBe(0)
    expect(addressOf(await world.untilReady('shop'))).toEqual(addressOf(former))
  })

  it('is told on the cluster until it has its owner, with its address', async () => {
    await world.startOperator()
    const status = async () => (await world.client.get(proxmoxClusters, { name: world.cluster }))?.status
    const told = await until('the guest is told', async () => {
      const now: ProxmoxCluster['status'] = await status()
      return now?.unclaimedCount === 1 ? now : undefined
    })
    expect(told.unclaimed).toEqual([
      expect.objectContaining({
        vmid: former.status?.vmid,
        node: former.status?.node,
        formerObject: `${world.namespace}/shop`,
        addresses: addressOf(former),
      }),
    ])
    expect((await pve('unclaimed')).out).toContain(`${world.namespace}/shop`)
    expect((await pve('who', addressOf(former)?.[0] ?? '')).out).toContain('an object that no longer exists')
    await world.apply('shop', { ...spec(), adopt: adoption() })
    await world.untilReady('shop')
    await until('the guest has its owner', async () => (await status())?.unclaimedCount === 0)
    expect((await world.client.list(proxmoxVMs, { namespace: world.namespace })).map(({ status: now }) => now?.vmid)).toEqual([
      former.status?.vmid,
    ])
  })
})
