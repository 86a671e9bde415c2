import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { letGoAnnotation } from '../../src/api/group.ts'
import { until } from '../support/until.ts'
import { adopt, bodyOf, type Fleet, guestAt, openFleet, untilTaken } from './strangers.ts'

const vmids = Array.from({ length: 50 }, (_, index) => 101 + index)

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterAll(async () => await fleet.world.stop())

/** As written by people and PVE, without our lines and our tag. */
const wordsOf = (vmid: number) => {
  const { config } = guestAt(fleet, vmid)
  const description = (config.get('description') ?? '').split('\n').filter((line) => !line.startsWith('pve.hosting/'))
  const tags = (config.get('tags') ?? '').split(';').filter((tag) => tag && tag !== 'pve-operator')
  return { description: description.join('\n'), tags }
}

describe('a fleet of 50 strangers', () => {
  let bodies: object[]
  let words: object[]

  it('is adopted without one change of a configuration but mark and tag', async () => {
    bodies = vmids.map((vmid) => bodyOf(fleet, vmid))
    words = vmids.map(wordsOf)
    await Promise.all(vmids.map((vmid) => adopt(fleet, vmid)))
    const faults: string[] = []
    for (const vmid of vmids) await untilTaken(fleet, vmid, 60).catch((fault: Error) => faults.push(fault.message.slice(0, 2000)))
    expect(faults).toEqual([])
    expect(vmids.map((vmid) => bodyOf(fleet, vmid))).toEqual(bodies)
    expect(vmids.map(wordsOf)).toEqual(words)
    // One request a guest: the mark.
    expect(fleet.world.writes().toSorted()).toEqual(
      vmids.map((vmid) => `PUT /nodes/${guestAt(fleet, vmid).node}/qemu/${vmid}/config`).toSorted(),
    )
  })

  it('stays so when the operator starts again and audits it, and is adopted once', async () => {
    fleet.world.simulator.requests.reset()
    await fleet.world.stopOperator()
    await fleet.world.startOperator()
    for (const vmid of vmids) await fleet.world.edit(`s${vmid}`, { metadata: { annotations: { 'pve.hosting/look': 'again' } } })
    for (const vmid of vmids)
      await until(`s${vmid} was looked at`, async () => (await fleet.world.vm(`s${vmid}`))?.status?.lookedFor === 'again')
    expect(vmids.map((vmid) => bodyOf(fleet, vmid))).toEqual(bodies)
    expect(fleet.world.writes()).toEqual([])
  })

  it('is handed back without a trace but the addresses, which stay held', async () => {
    for (const vmid of vmids) await fleet.world.edit(`s${vmid}`, { metadata: { annotations: { [letGoAnnotation]: 'hand-back' } } })
    for (const vmid of vmids)
      await until(`s${vmid} has let go`, async () => (await fleet.world.vm(`s${vmid}`))?.status?.released !== undefined)
    expect(vmids.map((vmid) => bodyOf(fleet, vmid))).toEqual(bodies)
    expect(vmids.map((vmid) => guestAt(fleet, vmid).config.get('description') ?? '')).toEqual(
      words.map((word) => (word as { description: string }).description),
    )
    expect(vmids.map((vmid) => guestAt(fleet, vmid).config.get('tags') ?? '')).toEqual(
      words.map((word) => (word as { tags: string[] }).tags.join(';')),
    )
    expect(new Set((await fleet.world.addresses(fleet.v4)).map(({ spec }) => spec.orphaned))).toEqual(new Set([true]))
  })
})
