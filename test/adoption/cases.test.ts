import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, proxmoxVMs, secrets } from '../../src/api/meta.ts'
import { parse } from 'yaml'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { letGoAnnotation } from '../../src/api/group.ts'
import { parseMark } from '../../src/ladder/mark.ts'
import { at } from '../plugin/terminal.ts'
import { until } from '../support/until.ts'
import { adopt, bodyOf, type Fleet, guestAt, macOf, openFleet, untilTaken } from './strangers.ts'

let fleet: Fleet
beforeEach(async () => {
  fleet = await openFleet()
})
afterEach(async () => await fleet.world.stop())
const pve = (...args: string[]) => at(() => fleet.world.namespace)(...args)

describe('a manifest that is left in Git', () => {
  it('never takes the next guest of its VMID', async () => {
    await adopt(fleet, 101, { deletionProtection: false })
    const macAddress = macOf(fleet, 101)
    await untilTaken(fleet, 101)
    await fleet.world.delete('s101')
    await fleet.world.untilGone('s101', 60)
    await fleet.world.inPve('POST', '/nodes/pve1/qemu', { vmid: 101, name: 'next', net0: 'virtio,bridge=vmbr0' })
    const before = bodyOf(fleet, 101)
    await fleet.world.apply('s101', { package: { network: { bridge: 'vmbr0' } }, adopt: { vmid: 101, macAddress, mode: 'Take' } })
    await fleet.world.untilCondition('s101', 'Stalled', 'True', 'AdoptMismatch')
    expect(bodyOf(fleet, 101)).toEqual(before)
    expect(guestAt(fleet, 101).config.get('description')).toBeUndefined()
  })

  it('of two objects takes the guest for one, and the other says whose it is', async () => {
    await adopt(fleet, 101)
    await untilTaken(fleet, 101)
    await fleet.world.apply('twin', {
      package: { network: { bridge: 'vmbr0' } },
      adopt: { vmid: 101, macAddress: macOf(fleet, 101), mode: 'Take' },
    })
    const twin = await fleet.world.untilCondition('twin', 'Stalled', 'True', 'AdoptMismatch')
    expect(fleet.world.condition(twin, 'Stalled')?.message).toContain('belongs to a ProxmoxVM that exists')
  })
})

describe('a guest without our mark', () => {
  it('outside spec.adoption.vmids of the ProxmoxCluster is not taken', async () => {
    await fleet.world.stopOperator()
    await fleet.world.client.mergePatch(
      proxmoxClusters,
      { name: fleet.world.cluster },
      { spec: { adoption: { vmids: { from: 140, to: 150 } } } },
    )
    await fleet.world.startOperator()
    await adopt(fleet, 101)
    const vm = await fleet.world.untilCondition('s101', 'Stalled', 'True', 'AdoptNotAllowed')
    expect(fleet.world.condition(vm, 'Stalled')?.message).toContain('140 to 150')
    expect(fleet.world.writes()).toEqual([])
  })
})

describe('an orphan of ours', () => {
  it('comes back with its addresses and its Secret, by the uid in its mark', async () => {
    const { world, v4 } = fleet
    const spec = {
      package: { cpu: { cores: 1 }, memory: { size: '1Gi' } },
      addresses: [{ name: 'main', poolRef: { name: v4 } }],
      cloudInit: { user: 'admin', generatePassword: true },
    }
    await world.apply('shop', { ...spec, deletionPolicy: 'Orphan' })
    const former = await world.untilReady('shop', 60)
    const secret = await world.client.get(secrets, { namespace: world.namespace, name: 'shop-credentials' })
    await world.edit('shop', { metadata: { annotations: { [letGoAnnotation]: 'keep-mark' } } })
    await until('it has let go', async () => (await world.vm('shop'))?.status?.released !== undefined)
    await world.delete('shop')
    await world.untilGone('shop')
    const { vmid = 0, interfaces, addresses } = former.status ?? {}
    const body = bodyOf(fleet, vmid)
    await world.apply('shop', {
      ...spec,
      adopt: { vmid, macAddress: interfaces?.[0]?.macAddress, mode: 'Take', fromUID: former.metadata.uid },
    })
    const vm = await world.untilCondition('shop', 'NetworkConfigured', 'True')
    expect(vm.status?.addresses).toEqual(addresses)
    expect(vm.status?.adoption?.differences).toEqual([])
    const now = await world.client.get(secrets, { namespace: world.namespace, name: 'shop-credentials' })
    expect(now?.data).toEqual(secret?.data)
    expect(now?.metadata.ownerReferences?.[0]?.uid).toBe(vm.metadata.uid)
    expect(bodyOf(fleet, vmid)).toEqual(body)
  })

  it('that was restored from a backup under another VMID is taken by that uid, whatever number its mark has', async () => {
    const { world } = fleet
    await world.apply('shop', { package: { network: { bridge: 'vmbr0' } } })
    const former = await world.untilReady('shop', 60)
    const config = Object.fromEntries(guestAt(fleet, former.status?.vmid ?? 0).config)
    await world.inPve('POST', '/nodes/pve1/qemu', {
      vmid: 140_000,
      name: 'restored',
      net0: 'virtio,bridge=vmbr0',
      description: config['description'] ?? '',
    })
    const take = { vmid: 140_000, macAddress: macOf(fleet, 140_000), mode: 'Take' }
    await world.apply('copy', { package: { network: { bridge: 'vmbr0' } }, adopt: take })
    const refused = await world.untilCondition('copy', 'Stalled', 'True', 'AdoptMismatch')
    expect(world.condition(refused, 'Stalled')?.message).toContain(`copied from VM ${former.status?.vmid}`)
    await world.edit('copy', { spec: { adopt: { ...take, fromUID: former.metadata.uid } } })
    const vm = await world.untilCondition('copy', 'NetworkConfigured', 'True')
    expect(parseMark(guestAt(fleet, 140_000).config.get('description'))).toMatchObject({ uid: vm.metadata.uid, vmid: 140_000 })
    expect((await world.untilReady('shop')).status?.vmid).toBe(former.status?.vmid)
  })
})

describe('kubectl pve adopt --unclaimed', () => {
  it('prints manifests that bring orphans back under their names, with their addresses', async () => {
    const { world, v4 } = fleet
    await world.apply('shop', {
      // Of a size that no VMPackage of another test has: the plugin sees them all, and this world's operator does not.
      package: { cpu: { cores: 1 }, memory: { size: '1100Mi' } },
      addresses: [{ name: 'main', poolRef: { name: v4 } }],
      deletionPolicy: 'Orphan',
    })
    const former = await world.untilReady('shop', 60)
    await world.edit('shop', { metadata: { annotations: { [letGoAnnotation]: 'keep-mark' } } })
    await until('it has let go', async () => (await world.vm('shop'))?.status?.released !== undefined)
    await world.delete('shop')
    await world.untilGone('shop')
    const cluster = () => world.client.get(proxmoxClusters, { name: world.cluster })
    await until('the guest is told', async () => (await cluster())?.status?.unclaimed?.[0]?.formerObject !== undefined)
    const body = bodyOf(fleet, former.status?.vmid ?? 0)
    const said = await pve('adopt', '--cluster', world.cluster, '--unclaimed', '--take', '--template', 'debian-13')
    expect(said).toMatchObject({ code: 0 })
    await world.client.create(proxmoxVMs, parse(said.out.replace('---', '')) as ProxmoxVM)
    const vm = await world.untilCondition('shop', 'NetworkConfigured', 'True')
    expect(vm.spec.adopt?.fromUID).toBe(former.metadata.uid)
    expect(vm.status?.addresses?.map(({ address }) => address)).toEqual(former.status?.addresses?.map(({ address }) => address))
    expect(bodyOf(fleet, former.status?.vmid ?? 0)).toEqual(body)
  })
})

describe('kubectl pve plan', () => {
  it('lists what stays as found by how it would change', async () => {
    await adopt(fleet, 104)
    await untilTaken(fleet, 104)
    const page = (await pve('plan', 's104')).out
    expect(page).toMatch(/must be off for it[\s\S]*memory: 8192, spec: 4096/)
    expect(page).toMatch(/Will not be done:[\s\S]*scsi0.size: 80Gi, spec: 50Gi/)
  })
})

describe('a change of package', () => {
  it('leaves what was found at first, applies what the spec says otherwise, and the next one brings all of the package', async () => {
    await adopt(fleet, 110)
    await untilTaken(fleet, 110)
    const before = bodyOf(fleet, 110)
    const config = () => guestAt(fleet, 110).config
    expect(await pve('change-package', 's110', '--timeout', '60s')).toMatchObject({ code: 0 })
    expect(bodyOf(fleet, 110)).toEqual(before)
    await fleet.world.edit('s110', { spec: { package: { network: { rateMbit: 80 } } } })
    await until('the rate is applied', () => config().get('net0')?.includes('rate=10') === true)
    await fleet.world.untilReady('s110')
    expect([config().get('memory'), config().get('cores')]).toEqual(['12288', '8'])
    expect(await pve('change-package', 's110', '--timeout', '60s')).toMatchObject({ code: 0 })
    expect([config().get('memory'), config().get('cores')]).toEqual(['4096', '2'])
    expect(config().get('ipconfig0')).toBe((before as { config: Record<string, string> }).config['ipconfig0'])
    expect((await fleet.world.vm('s110'))?.status?.adoption?.differences?.map(({ field }) => field)).not.toContain('memory')
  })
})
