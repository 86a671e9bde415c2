import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { parseMark } from '../../src/ladder/mark.ts'
import { until } from '../support/until.ts'
import { adopt, bodyOf, type Fleet, guestAt, macOf, openFleet, untilTaken } from './strangers.ts'

let fleet: Fleet
beforeEach(async () => {
  fleet = await openFleet()
})
afterEach(async () => await fleet.world.stop())

/** Writes to PVE on that guest. */
const writesOn = (vmid: number) => fleet.world.writes().filter((line) => line.includes(`/qemu/${vmid}/`))
const fieldsOf = async (vmid: number) => (await fleet.world.vm(`s${vmid}`))?.status?.adoption?.differences?.map(({ field }) => field)

describe('a guest that is taken over', () => {
  it('gets mark and tag in one request, and nothing else of it changes, whatever the package says', async () => {
    const before = bodyOf(fleet, 102)
    const notes = guestAt(fleet, 102).config.get('description')
    await adopt(fleet, 102)
    const vm = await untilTaken(fleet, 102)
    expect(writesOn(102)).toEqual(['PUT /nodes/pve2/qemu/102/config'])
    expect(bodyOf(fleet, 102)).toEqual(before)
    const { config } = guestAt(fleet, 102)
    expect(parseMark(config.get('description'))?.uid).toBe(vm.metadata.uid)
    expect(config.get('description')).toContain(notes ?? '')
    expect(config.get('tags')?.split(';')).toContain('pve-operator')
    expect(vm.status?.addresses?.map(({ address }) => address)).toEqual(['203.0.113.11', '2001:db8:a::11'])
    expect(fleet.world.condition(vm, 'PackageApplied')?.reason).toBe('PackageOutdated')
    expect(vm.status?.adoption?.takenAt).toBeDefined()
  })

  it('stays off under Always until somebody starts it, and is kept on from then', async () => {
    await adopt(fleet, 103, { runStrategy: 'Always' })
    await untilTaken(fleet, 103)
    expect(await fieldsOf(103)).toContain('power')
    expect(guestAt(fleet, 103).isRunning).toBe(false)
    await fleet.world.inPve('POST', '/nodes/pve3/qemu/103/status/start')
    await until('the start is seen', async () => (await fieldsOf(103))?.includes('power') === false)
    await fleet.world.inPve('POST', '/nodes/pve3/qemu/103/status/stop')
    await until('it is started again', () => guestAt(fleet, 103).isRunning)
  })

  it('is given a field of the spec once that says something else than at the takeover, and only that', async () => {
    const before = bodyOf(fleet, 102) as { config: Record<string, string> }
    await adopt(fleet, 102)
    await untilTaken(fleet, 102)
    await fleet.world.edit('s102', { spec: { package: { network: { rateMbit: 80 } } } })
    await until('the rate is applied', () => guestAt(fleet, 102).config.get('net0')?.includes('rate=10') === true)
    const vm = await untilTaken(fleet, 102)
    const after = bodyOf(fleet, 102) as { config: Record<string, string> }
    expect({ ...after.config, net0: '' }).toEqual({ ...before.config, net0: '' })
    // Firewall and bridge of the card stay as they were found.
    expect(after.config['net0']).toBe(before.config['net0']?.replace('rate=12.5', 'rate=10'))
    expect(fleet.world.condition(vm, 'PackageApplied')?.message).not.toContain('net0.rate')
  })
})

describe('a guest with a lock', () => {
  it('that a dead task has left is told with the command that takes it off, and is taken over after that', async () => {
    fleet.world.simulator.world.setLock(102, 'backup')
    await adopt(fleet, 102)
    const vm = await fleet.world.untilCondition('s102', 'Stalled', 'True', 'StuckLock')
    expect(fleet.world.condition(vm, 'Ready')?.message).toMatch(
      /lock "backup".* must run on pve2: qm unlock 102; the operator takes the VM over/,
    )
    expect(fleet.world.writes()).toEqual([])

    // Else it is looked at after 5 minutes.
    fleet.world.simulator.world.setLock(102, undefined)
    await untilTaken(fleet, 102)
  })

  it('because somebody hibernated it is waited for without a command, which would lose its memory', async () => {
    fleet.world.simulator.world.setLock(102, 'suspended')
    await adopt(fleet, 102)
    await fleet.world.untilCondition('s102', 'Ready', 'False', 'Locked')
    const looks = () => fleet.world.requests().filter((line) => line === 'GET /nodes/pve2/qemu/102/config').length
    const before = looks()
    await until('it is looked at again twice', () => fleet.world.clock.skip(5_000) ?? looks() > before + 1)
    expect(fleet.world.condition(await fleet.world.vm('s102'), 'Ready')?.reason).toBe('Locked')
  })
})

describe('a guest that is not the one described', () => {
  it('is left alone: another MAC, another uid, notes that leave no room for the mark, a number outside the range, a VMID that PVE does not have', async () => {
    await adopt(fleet, 101, {}, { macAddress: 'BC:24:11:00:00:01' })
    await adopt(fleet, 102, {}, { fromUID: 'somebody' })
    guestAt(fleet, 104).config.set('description', 'x'.repeat(8000))
    await adopt(fleet, 104)
    await fleet.world.apply('gone', { package: small(), adopt: { vmid: 777, macAddress: macOf(fleet, 101), mode: 'Take' } })
    await fleet.world.apply('outside', { package: small(), adopt: { vmid: 9000, macAddress: macOf(fleet, 101), mode: 'Take' } })
    for (const name of ['s101', 's102', 's104', 'gone', 'outside'])
      await fleet.world.untilCondition(name, 'Stalled', 'True', 'AdoptMismatch')
    expect(fleet.world.writes()).toEqual([])
  })

  it('is left alone: one of whose addresses only the set of its second card tells, and which the spec does not name', async () => {
    const set = '/nodes/pve2/qemu/102/firewall/ipset'
    await fleet.world.inPve('POST', set, { name: 'ipfilter-net1' })
    await fleet.world.inPve('POST', `${set}/ipfilter-net1`, { cidr: '203.0.113.200' })
    await adopt(fleet, 102)
    const vm = await fleet.world.untilCondition('s102', 'Stalled', 'True', 'AdoptMismatch')
    expect(fleet.world.condition(vm, 'Stalled')?.message).toContain('VM 102 has 203.0.113.200 of IPPool')
  })
})

const small = () => ({ network: { bridge: 'vmbr0' } })
