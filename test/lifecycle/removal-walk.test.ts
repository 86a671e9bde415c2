import { beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { finished, press } from '../manual/buttons.ts'
import { assertGone, bear, dieAndTakeOver, type Lane, openLane, type Point, pointsOf, same, walk } from '../support/crash.ts'
import { clonesOf, guestsOf, holders } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import type { Write } from '../support/wire.ts'

const patienceMs = 300_000

/** A life whose end is walked: how it is asked for, when it is over, and what must be true then. */
interface Ending {
  readonly name: string
  readonly spec?: object
  readonly ask: (lane: Lane, vm: ProxmoxVM) => Promise<unknown>
  readonly isOver: (lane: Lane) => Promise<boolean>
  readonly check: (lane: Lane, before: ProxmoxVM) => Promise<void>
}

const shop = async ({ world }: Lane) => await world.vm('shop')
const backupsOf = ({ world }: Lane, vm: ProxmoxVM) =>
  world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0).filter(({ content }) => content === 'backup').length
const isGone = async (lane: Lane) => (await shop(lane)) === undefined
const completed = async (lane: Lane) => (await shop(lane))?.status?.reinstall?.completedIDs ?? []
const isReadyAgain = async (lane: Lane) => {
  const vm = await shop(lane)
  return (await completed(lane)).length === 1 && lane.world.condition(vm, 'Ready')?.status === 'True'
}

/** One VM, made twice, with its VMID, MAC, addresses and backups. */
async function checkRebuilt(lane: Lane, before: ProxmoxVM): Promise<void> {
  const vm = (await shop(lane)) as ProxmoxVM
  const { vmid = 0 } = before.status ?? {}
  same(
    'VMs with our mark',
    guestsOf(lane.world, vm).map((guest) => guest.vmid),
    [vmid],
  )
  same(
    'guests in PVE',
    lane.world.guests().map((guest) => guest.vmid),
    [vmid],
  )
  same('clones that succeeded', clonesOf(lane.world, vmid), 2)
  same('MAC', vm.status?.interfaces, before.status?.interfaces)
  same('held addresses', (await holders(lane.world, lane.pools)).length, 2)
  same('backups', backupsOf(lane, vm), 1)
  const rules = (await lane.world.inPve('GET', `${lane.world.pathOf(vm)}/firewall/rules`)) as { dport?: string }[]
  same('the rule of the customer', rules.filter(({ dport }) => dport === '8443').length, 1)
}

const setAside: Ending = {
  name: 'Remove',
  spec: { runStrategy: 'Halted' },
  ask: async ({ world }) => await press(world, 'shop', 'Remove'),
  isOver: async (lane) => (await shop(lane))?.status?.phase === 'Removed',
  async check(lane, before) {
    same('guests in PVE', lane.world.guests().length, 0)
    same('held addresses', (await holders(lane.world, lane.pools)).length, 2)
    same('backups', backupsOf(lane, before), 1)
  },
}

const endings: readonly Ending[] = [
  {
    name: 'Terminate',
    ask: async ({ world }) => await world.delete('shop'),
    isOver: isGone,
    async check(lane, before) {
      await assertGone(lane)
      same('backups', backupsOf(lane, before), 0)
    },
  },
  {
    name: 'a reinstall',
    ask: async ({ world }) => await world.edit('shop', { spec: { reinstall: { requestID: 'r1' } } }),
    isOver: isReadyAgain,
    check: checkRebuilt,
  },
  setAside,
  {
    name: 'Remove and Clone',
    spec: { runStrategy: 'Halted' },
    async ask(lane, vm) {
      await finished(lane.world, String(await setAside.ask(lane, vm)), 90)
      return await press(lane.world, 'shop', 'Clone')
    },
    isOver: isReadyAgain,
    check: checkRebuilt,
  },
  {
    name: 'Orphan',
    spec: { deletionPolicy: 'Orphan' },
    ask: async ({ world }) => await world.delete('shop'),
    isOver: isGone,
    async check(lane, before) {
      same(
        'guests in PVE',
        lane.world.guests().map((guest) => guest.vmid),
        [before.status?.vmid],
      )
      same('backups', backupsOf(lane, before), 1)
    },
  },
]

/** Born, with a snapshot, a backup and a firewall rule of the customer's own. */
async function prepare(lane: Lane, { spec }: Ending): Promise<ProxmoxVM> {
  const { world } = lane
  await bear(lane, 'shop')
  await world.untilReady('shop')
  if (spec) await world.edit('shop', { spec })
  const vm = await world.untilReady('shop')
  await world.inPve('POST', `${world.pathOf(vm)}/snapshot`, { snapname: 'before' })
  world.addBackup(vm.status?.vmid ?? 0, Date.now() + 1000, { isProtected: true })
  const rule = { type: 'in', action: 'ACCEPT', enable: 1, proto: 'tcp', dport: '8443' }
  await world.inPve('POST', `${world.pathOf(vm)}/firewall/rules`, rule)
  return vm
}

/** What waits for a lost answer, or between two tries, has its time at once. */
async function untilOver(lane: Lane, { name, isOver }: Ending): Promise<void> {
  let last: ProxmoxVM | undefined
  await until(
    `${name} is over`,
    async () => {
      last = await shop(lane)
      const message = lane.world.condition(last, 'Ready')?.message ?? ''
      if (/may have been lost|Retrying|retries/.test(message)) lane.world.clock.skip(31_000)
      return await isOver(lane)
    },
    { seconds: 90, describe: () => last?.status },
  )
}

async function live(lane: Lane, ending: Ending, strike: (before: ProxmoxVM) => Promise<unknown>): Promise<void> {
  const before = await prepare(lane, ending)
  await strike(before)
  await untilOver(lane, ending)
  await ending.check(lane, before)
}

/** The rest of a birth is walked in crash-walk.test.ts. */
const isOfEnding = ({ write }: Point) => !/\/(config|resize|ipset.*|options|status\/start)$/.test(write.what)

/** What an ending leaves is different each time. */
const isFresh = true

describe.each(endings)('$name', (ending) => {
  let writes: readonly Write[]

  // One undisturbed end tells the writes at which all the others are struck.
  beforeAll(async () => {
    const lane = await openLane()
    const before = await prepare(lane, ending)
    lane.world.operator?.wire.writes.splice(0)
    await ending.ask(lane, before)
    await untilOver(lane, ending)
    await ending.check(lane, before)
    writes = lane.world.operator?.wire.writes.splice(0) ?? []
    await lane.world.stop()
  })

  it(
    'is finished by the operator that takes over, at whichever write the first one dies',
    async () => {
      const visit = async (lane: Lane, point: Point) =>
        await live(lane, ending, async (before) => {
          // An end of two commands is asked for to its last one by the operator that takes over.
          let asked: Promise<unknown> | undefined
          const died = until('the operator died', () => lane.world.operator?.wire.isCut)
          const ask = async () => await Promise.race([(asked = ending.ask(lane, before)), died.catch(() => undefined)])
          await dieAndTakeOver(lane, point, ask, async () => await ending.isOver(lane))
          await asked
        })
      expect(await walk(pointsOf(writes).filter(isOfEnding), visit, { isFresh })).toEqual([])
    },
    patienceMs,
  )

  it.each(['before', 'after'] as const)(
    'is finished when the answer to a write to PVE is lost %s its effect',
    async (when) => {
      const visit = async (lane: Lane, point: Point) =>
        await live(lane, ending, async (before) => {
          let count = 0
          lane.world.operator?.wire.judgedBy((write) => (write.to === 'pve' && count++ === point.index ? `lost ${when}` : 'pass'))
          await ending.ask(lane, before)
        })
      const points = writes
        .filter(({ to }) => to === 'pve')
        .map((write, index): Point => ({ index, write, when }))
        .filter(isOfEnding)
      expect(await walk(points, visit, { isFresh })).toEqual([])
    },
    patienceMs,
  )
})
