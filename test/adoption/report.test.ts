import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { adopt, bodyOf, type Fleet, guestAt, openFleet, small } from './strangers.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterAll(async () => await fleet.world.stop())

const report = async (vmid: number, spec: object = {}, more: object = {}): Promise<ProxmoxVM> => {
  await adopt(fleet, vmid, spec, { mode: 'Report', ...more })
  return await fleet.world.untilCondition(`s${vmid}`, 'Stalled', 'True', 'AdoptReported')
}
const waysOf = (vm: ProxmoxVM) => Object.fromEntries((vm.status?.adoption?.differences ?? []).map(({ field, applies }) => [field, applies]))
const remarksOf = (vm: ProxmoxVM) => (vm.status?.adoption?.remarks ?? []).join('\n')

describe('a report', () => {
  it('tells each difference with how it would reach the guest, what else there is, and writes nothing to PVE', async () => {
    const before = bodyOf(fleet, 104)
    const vm = await report(104)
    expect(fleet.world.condition(vm, 'Adoptable')).toMatchObject({ status: 'True', reason: 'Adoptable' })
    expect(waysOf(vm)).toMatchObject({ 'scsi0.size': 'Never', memory: 'Restart', 'net0.rate': 'Live', 'firewall.rules': 'Live' })
    expect(vm.status?.adoption?.differences).toContainEqual({ field: 'memory', found: '8192', wanted: '4096', applies: 'Restart' })
    expect(remarksOf(vm)).toContain('high availability')
    expect(remarksOf(vm)).toContain('virtio1')
    expect(vm.status?.vmid).toBeUndefined()
    expect(bodyOf(fleet, 104)).toEqual(before)
    expect(fleet.world.writes()).toEqual([])
    expect(await fleet.world.addresses(fleet.v4)).not.toContainEqual(
      expect.objectContaining({ spec: expect.objectContaining({ claimRef: expect.anything() }) }),
    )
  })

  it('names snapshots, network cards, firewall rules and tasks of others, and a missing cloud-init drive', async () => {
    await fleet.world.inPve('PUT', `/nodes/${guestAt(fleet, 119).node}/qemu/119/config`, { description: 'touched by the panel' })
    await fleet.world.inPve('POST', `/nodes/${guestAt(fleet, 119).node}/qemu/119/status/start`)
    const limited = { ...small, snapshots: { max: 3, lifetime: '720h' } }
    expect(remarksOf(await report(119, { package: limited }))).toMatch(/snapshots.*before_upgrade \(400 days old\)/)
    const told = remarksOf(await fleet.world.untilCondition('s119', 'Adoptable', 'True'))
    expect(told).toContain('older than the package allows (720h); they stay as well: before_upgrade.')
    expect(told).toMatch(/In the last 3 days root@pam.* worked on it: qmstart/)
    expect(remarksOf(await report(105))).toMatch(/net1 .*firewall rules of its own/s)
    expect(remarksOf(await report(108))).toContain('no cloud-init drive')
  })

  it('says what stands in the way, and becomes a takeover by one word', async () => {
    await adopt(fleet, 107, { addresses: [{ name: 'a', poolRef: { name: fleet.v4 }, address: '203.0.113.200' }] }, { mode: 'Report' })
    const vm = await fleet.world.untilCondition('s107', 'Adoptable', 'False', 'AdoptMismatch')
    expect(fleet.world.condition(vm, 'Adoptable')?.message).toContain('does not show 203.0.113.200')
    await fleet.world.edit('s107', { spec: { addresses: [{ name: 'a', poolRef: { name: fleet.v4 }, address: '203.0.113.16' }] } })
    await fleet.world.untilCondition('s107', 'Adoptable', 'True')
    await fleet.world.edit('s107', { spec: { adopt: { mode: 'Take' } } })
    const taken = await fleet.world.untilCondition('s107', 'NetworkConfigured', 'True')
    expect(taken.status?.vmid).toBe(107)
    expect(fleet.world.condition(taken, 'Adoptable')).toBeUndefined()
  })
})
