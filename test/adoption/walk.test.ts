import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseMark } from '../../src/ladder/mark.ts'
import { same } from '../support/crash.ts'
import { mishaps, nameOfStrike, sampled, sampleOf, seeded, type Strike, suffer, untilSkipping } from '../support/strikes.ts'
import type { Write } from '../support/wire.ts'
import { adopt, bodyOf, type Fleet, guestAt, openFleet, untilTaken } from './strangers.ts'

/** A run takes a sample of the strikes; `WALK_SEED=n WALK_SAMPLES=m make test ONLY=test/adoption/walk` repeats or widens one. */
const { seed, samples } = sampleOf(12)
const patienceMs = 300_000 + samples * 10_000

/** Running, with two addresses, favours and a firewall of its own to leave alone. */
const vmid = 102

async function assertTaken(fleet: Fleet, body: object): Promise<void> {
  const { world } = fleet
  const isThere = async () => fleet.world.condition(await fleet.world.vm(`s${vmid}`), 'NetworkConfigured') !== undefined
  await untilSkipping(world, 'it is taken', isThere, 60)
  const vm = await untilTaken(fleet, vmid, 60)
  same('the guest', bodyOf(fleet, vmid), body)
  same('its owner', parseMark(guestAt(fleet, vmid).config.get('description'))?.uid, vm.metadata.uid)
  same(
    'its record',
    [vm.status?.vmid, vm.status?.adoption?.takenAt !== undefined, vm.status?.adoption?.differences !== undefined],
    [vmid, true, true],
  )
  const held = (await world.addresses(fleet.v4)).filter(({ spec }) => spec.claimRef !== undefined)
  same(
    'addresses held',
    held.map(({ spec }) => [spec.address, spec.claimRef?.uid]),
    [['203.0.113.11', vm.metadata.uid]],
  )
  same(
    'clones',
    world.writes().filter((line) => line.includes('/clone')),
    [],
  )
}

describe('a takeover in which something goes wrong', () => {
  let writes: Write[]
  let body: object
  let first: Fleet

  beforeAll(async () => {
    first = await openFleet()
    body = bodyOf(first, vmid)
    first.world.operator?.wire.writes.splice(0)
    await adopt(first, vmid)
    await assertTaken(first, body)
    writes = (first.world.operator?.wire.writes.splice(0) ?? []).filter(({ what }) => !what.includes('events'))
  }, patienceMs)
  afterAll(async () => await first.world.stop())

  it('writes claims, then the mark, then status', () => {
    const order = writes.map(({ what }) => what)
    const mark = order.indexOf('PUT /nodes/{node}/qemu/{vmid}/config')
    expect(writes.filter(({ to }) => to === 'pve')).toHaveLength(1)
    expect(order.slice(0, mark).some((what) => what.includes('pooladdresses'))).toBe(true)
    // After the mark come the look at it and the status, and nothing of PVE.
    expect(order.slice(mark + 1).some((what) => what.includes('proxmoxvms/status'))).toBe(true)
  })

  it(
    'ends with one owner and an unchanged guest after a death, a lost answer or a refusal at any write',
    async () => {
      const strikes = writes.flatMap((write, index): Strike[] =>
        mishaps
          .filter(({ onKube, fate }) => (write.to === 'kube' ? onKube : typeof fate === 'string' || 'answer' in fate.plan))
          .map((mishap) => ({ index, write, mishap })),
      )
      process.stderr.write(`walk of a takeover: seed ${seed}, ${samples} of ${strikes.length} strikes\n`)
      const left = sampled(strikes, samples, seeded(seed))
      const faults: string[] = []
      const lane = async (): Promise<void> => {
        for (let strike = left.shift(); strike; strike = left.shift()) {
          const fleet = await openFleet()
          try {
            await suffer(
              fleet.world,
              [strike],
              () => adopt(fleet, vmid),
              async () => fleet.world.condition(await fleet.world.vm(`s${vmid}`), 'NetworkConfigured') !== undefined,
            )
            await assertTaken(fleet, body)
          } catch (fault) {
            faults.push(`${nameOfStrike(strike)}: ${fault instanceof Error ? fault.message.slice(0, 1500) : String(fault)}`)
          }
          await fleet.world.stop().catch(() => undefined)
        }
      }
      await Promise.all(Array.from({ length: 6 }, lane))
      expect(faults).toEqual([])
      expect(strikes.length).toBeGreaterThan(15)
    },
    patienceMs,
  )
})
