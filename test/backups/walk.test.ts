/**
 * The operator dies, or an answer is lost, at whichever write of a backup and of a restore: one file, one VM, nothing lost. A run takes a
 * sample of the writes, and prints its seed; `WALK_SEED=n WALK_SAMPLES=m make test ONLY=test/backups/walk` repeats or widens one.
 */
import { beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { bear, dieAndTakeOver, type Lane, openLane, type Point, pointsOf, same, walk } from '../support/crash.ts'
import { whmcs5546 } from '../support/builders.ts'
import { guestsOf, holders } from '../support/portrait.ts'
import { sampled, sampleOf, seeded } from '../support/strikes.ts'
import { until } from '../support/until.ts'
import type { Write } from '../support/wire.ts'
import { aBackup, addBackupServer, backupOf, filesOf, readyOf } from './scene.ts'

const { seed, samples } = sampleOf(4)
const patienceMs = 240_000 + samples * 60_000

interface Life {
  readonly name: string
  readonly prepare: (lane: Lane) => Promise<ProxmoxVM>
  readonly ask: (lane: Lane, vm: ProxmoxVM) => Promise<unknown>
  readonly isOver: (lane: Lane) => Promise<boolean>
  readonly check: (lane: Lane, before: ProxmoxVM) => Promise<void>
}

const shop = async ({ world }: Lane): Promise<ProxmoxVM | undefined> => await world.vm('shop')

async function born(lane: Lane): Promise<ProxmoxVM> {
  await addBackupServer(lane.world)
  await bear(lane, 'shop')
  return await lane.world.untilReady('shop')
}

const backup = (storage: string): Life => ({
  name: `a backup to ${storage}`,
  prepare: born,
  ask: async ({ world }) => await aBackup(world, 'b1', 'shop', { storage }),
  isOver: async ({ world }) => readyOf(await backupOf(world, 'b1'))?.status === 'True',
  async check(lane, before) {
    same('files', filesOf(lane.world, before).length, 1)
    same('Ready', lane.world.condition(await shop(lane), 'Ready')?.status, 'True')
  },
})

/** Off, with a backup in which it had another start order, and a firewall rule of the customer's own made since. */
async function withBackup(lane: Lane, storage: string): Promise<ProxmoxVM> {
  const { world } = lane
  const vm = await born(lane)
  const startup = (order: number) => world.inPve('PUT', `${world.pathOf(vm)}/config`, { startup: `order=${order}` })
  await startup(3)
  await aBackup(world, 'b1', 'shop', { storage })
  await until('the backup is made', async () => readyOf(await backupOf(world, 'b1'))?.status === 'True')
  await startup(5)
  const rule = { type: 'in', action: 'ACCEPT', enable: 1, proto: 'tcp', dport: '8443' }
  await world.inPve('POST', `${world.pathOf(vm)}/firewall/rules`, rule)
  await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
  await until('it is seen off', async () => (await shop(lane))?.status?.remoteStatus === 'stopped')
  return vm
}

const restore = (storage: string): Life => ({
  name: `a restore from ${storage}`,
  prepare: async (lane) => await withBackup(lane, storage),
  ask: async ({ world }) => await world.edit('shop', { spec: { restore: { requestID: 'r1', backupRef: { name: 'b1' } } } }),
  async isOver(lane) {
    const vm = await shop(lane)
    return vm?.status?.restore?.completedIDs.includes('r1') === true && lane.world.condition(vm, 'Ready')?.status === 'True'
  },
  async check(lane, before) {
    const { world } = lane
    const vm = (await shop(lane)) as ProxmoxVM
    const { vmid = 0, interfaces } = before.status ?? {}
    same(
      'VMs with our mark',
      guestsOf(world, vm).map((guest) => guest.vmid),
      [vmid],
    )
    same('guests in PVE', world.guests().length, 1)
    same('MAC', vm.status?.interfaces, interfaces)
    same('held addresses', (await holders(world, lane.pools)).length, 2)
    same('what is in the backup', world.guestOf(vm).config.get('startup'), 'order=3')
    same('power', world.guestOf(vm).isRunning, true)
    same(
      'files and their protection',
      filesOf(world, vm).map(({ isProtected }) => isProtected ?? false),
      [false],
    )
    const rules = (await world.inPve('GET', `${world.pathOf(vm)}/firewall/rules`)) as { dport?: string }[]
    same('the rule of the customer', rules.filter(({ dport }) => dport === '8443').length, 1)
    same('restores that ended well', restoresOf(lane, vmid).filter((status) => status === 'OK').length, 1)
  },
})

/** Beside the VM that the backup is of. */
const birth = (storage: string): Life => ({
  name: `a new VM from a backup on ${storage}`,
  prepare: async (lane) => await withBackup(lane, storage),
  ask: async ({ world, pools: [v4, v6], packageName }) =>
    await world.apply('copy', { ...whmcs5546({ v4, v6, packageName }), template: { backupRef: { name: 'b1' } } }),
  async isOver({ world }) {
    const vm = await world.vm('copy')
    if (world.condition(vm, 'Ready')?.status !== 'True' || vm?.status?.localStatus !== 'ready') return false
    // A request whose answer was lost stays open for minutes, beside the VM that another one made.
    if (vm.status.cloneRequests) world.clock.skip(31_000)
    return vm.status.cloneRequests === undefined
  },
  async check(lane, before) {
    const { world } = lane
    const vm = (await world.vm('copy')) as ProxmoxVM
    const { vmid = 0 } = vm.status ?? {}
    const vmids = [before.status?.vmid ?? 0, vmid]
    same(
      'VMs with its mark',
      guestsOf(world, vm).map((guest) => guest.vmid),
      [vmid],
    )
    same(
      'guests in PVE',
      world
        .guests()
        .map((guest) => guest.vmid)
        .toSorted((a, b) => a - b),
      vmids.toSorted((a, b) => a - b),
    )
    same('held addresses', (await holders(world, lane.pools)).length, 4)
    same('what is in the backup', world.guestOf(vm).config.get('startup'), 'order=3')
    same('power', world.guestOf(vm).isRunning, true)
    same('the other VM', world.guestOf(before).config.get('startup'), 'order=5')
    same(
      'disks',
      vm.status?.disks?.map(({ name, key }) => `${name} ${key}`),
      before.status?.disks?.map(({ name, key }) => `${name} ${key}`),
    )
    same('requests that may still take effect', vm.status?.cloneRequests, undefined)
    same('restores that ended well', restoresOf(lane, vmid).filter((status) => status === 'OK').length, 1)
    same('what a failure left', vm.status?.template?.isLeft, undefined)
  },
})

const restoresOf = ({ world }: Lane, vmid: number): string[] =>
  [...world.simulator.world.nodes.keys()]
    .flatMap((node) => world.simulator.world.tasks.onNode(node))
    .filter(({ type, id }) => type === 'qmrestore' && id === String(vmid))
    .map(({ exitstatus }) => exitstatus ?? '')

/** What waits for a lost answer, or between two tries, has its time at once. */
async function untilOver(lane: Lane, { name, isOver }: Life): Promise<void> {
  let last: ProxmoxVM | undefined
  await until(
    `${name} is over`,
    async () => {
      last = (await lane.world.vm('copy')) ?? (await shop(lane))
      const said = [lane.world.condition(last, 'Ready')?.message, readyOf(await backupOf(lane.world, 'b1'))?.message].join(' ')
      if (/may have been lost|Retrying|retries|is to be asked|every 5 minutes/.test(said)) lane.world.clock.skip(31_000)
      return await isOver(lane)
    },
    { seconds: 120, everyMs: 250, describe: () => last?.status },
  )
}

async function live(lane: Lane, life: Life, strike: (before: ProxmoxVM) => Promise<unknown>): Promise<void> {
  const before = await life.prepare(lane)
  await strike(before)
  await untilOver(lane, life)
  await life.check(lane, before)
}

/** Each has a world of its own. */
const isFresh = true

describe.each([backup('pbs'), backup('local'), restore('pbs'), restore('local'), birth('pbs'), birth('local')])('$name', (life) => {
  let writes: readonly Write[]
  const random = seeded(seed)

  beforeAll(async () => {
    process.stderr.write(`walk of ${life.name}: seed ${seed}, ${samples} samples\n`)
    const lane = await openLane()
    const before = await life.prepare(lane)
    lane.world.operator?.wire.writes.splice(0)
    await life.ask(lane, before)
    await untilOver(lane, life)
    await life.check(lane, before)
    writes = lane.world.operator?.wire.writes.splice(0) ?? []
    await lane.world.stop()
  })

  it(
    'is finished by the operator that takes over, at whichever write the first one dies',
    async () => {
      const visit = async (lane: Lane, point: Point) =>
        await live(lane, life, async (before) => {
          await dieAndTakeOver(
            lane,
            point,
            async () => await life.ask(lane, before),
            async () => await life.isOver(lane),
          )
        })
      expect(await walk(sampled(pointsOf(writes), samples, random), visit, { isFresh })).toEqual([])
    },
    patienceMs,
  )

  it.each(['before', 'after'] as const)(
    'is finished when the answer to a write to PVE is lost %s its effect',
    async (when) => {
      const visit = async (lane: Lane, point: Point) =>
        await live(lane, life, async (before) => {
          let count = 0
          lane.world.operator?.wire.judgedBy((write) => (write.to === 'pve' && count++ === point.index ? `lost ${when}` : 'pass'))
          await life.ask(lane, before)
        })
      const points = writes.filter(({ to }) => to === 'pve').map((write, index): Point => ({ index, write, when }))
      expect(await walk(sampled(points, samples, random), visit, { isFresh })).toEqual([])
    },
    patienceMs,
  )
})
