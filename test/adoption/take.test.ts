import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { parseMark } from '../../src/ladder/mark.ts'
import { until } from '../support/until.ts'
import { adopt, bodyOf, type Fleet, guestAt, macOf, openFleet, untilTaken } from './strangers.ts'

const patienceMs = 120_000

let fleet: Fleet
beforeEach(async () => {
  fleet = await openFleet()
}, patienceMs)
afterEach(async () => await fleet.world.stop())

/** Writes to PVE on that guest. */
const writesOn = (vmid: number) => fleet.world.writes().filter((line) => line.includes(`/qemu/${vmid}/`))
const fieldsOf = async (vmid: number) => (await fleet.world.vm(`s${vmid}`))?.status?.adoption?.differences?.map(({ field }) => field)

describe('a guest that is taken over', () => {
  it(
    'gets mark and tag in one request, and nothing else of it changes, whatever the package says',
    async () => {
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
    },
    patienceMs,
  )

  it(
    'stays off under Always until somebody starts it, and is kept on from then',
    async () => {
      await adopt(fleet, 103, { runStrategy: 'Always' })
      await untilTaken(fleet, 103)
      expect(await fieldsOf(103)).toContain('power')
      expect(guestAt(fleet, 103).isRunning).toBe(false)
      await fleet.world.inPve('POST', '/nodes/pve3/qemu/103/status/start')
      await until('the start is seen', async () => (await fieldsOf(103))?.includes('power') === false)
      await fleet.world.inPve('POST', '/nodes/pve3/qemu/103/status/stop')
      await until('it is started again', () => guestAt(fleet, 103).isRunning)
    },
    patienceMs,
  )

  it(
    'is given a field of the spec once that says something else than at the takeover, and only that',
    async () => {
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
    },
    patienceMs,
  )
})

describe('a guest that is not the one described', () => {
  it(
    'is left alone: another MAC, another uid, notes that leave no room for the mark, a number outside the range, a VMID that PVE does not have',
    async () => {
      await adopt(fleet, 101, {}, { macAddress: 'BC:24:11:00:00:01' })
      await adopt(fleet, 102, {}, { fromUID: 'somebody' })
      guestAt(fleet, 104).config.set('description', 'x'.repeat(8000))
      await adopt(fleet, 104)
      await fleet.world.apply('gone', { package: small(), adopt: { vmid: 777, macAddress: macOf(fleet, 101), mode: 'Take' } })
      await fleet.world.apply('outside', { package: small(), adopt: { vmid: 9000, macAddress: macOf(fleet, 101), mode: 'Take' } })
      for (const name of ['s101', 's102', 's104', 'gone', 'outside'])
        await fleet.world.untilCondition(name, 'Stalled', 'True', 'AdoptMismatch')
      expect(fleet.world.writes()).toEqual([])
    },
    patienceMs,
  )
})

const small = () => ({ network: { bridge: 'vmbr0' } })
