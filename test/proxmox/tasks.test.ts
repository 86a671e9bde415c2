import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { TaskTracker } from '../../src/proxmox/tasks.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'
import { type Simulated, simulated } from './simulated.ts'
import { isTaskOver, type TaskEnd } from '../../src/proxmox/task-end.ts'

const template = { node: 'pve1', vmid: 9000 }
const statusRoute = 'GET /nodes/{node}/tasks/{upid}/status'
const clone = (newid: number) => ({ newid, name: 'x', description: 'ours', full: true })

describe('the task tracker', () => {
  let sim: Simulated
  let tracker: TaskTracker
  let stop: AbortController
  let problems: unknown[]
  let running: Promise<void>
  let clock: TestClock
  beforeEach(async () => {
    sim = await simulated({ speed: 4 })
    problems = []
    clock = new TestClock()
    tracker = new TaskTracker({ pve: sim.pve, clock, onProblem: (fault) => problems.push(fault) })
    stop = new AbortController()
    running = tracker.run(stop.signal)
  })
  afterEach(async () => {
    stop.abort()
    await running
    await sim.stop()
  })
  const end = (upid: string) => new Promise<TaskEnd>((ended) => tracker.follow(upid, ended))

  it('sees a task end and remembers it for those who ask late', async () => {
    const upid = await sim.pve.clone(template, clone(900))
    expect(tracker.ended(upid)).toBeUndefined()
    expect(await end(upid)).toEqual({ is: 'ok', warnings: false })
    expect(tracker.ended(upid)).toEqual({ is: 'ok', warnings: false })
    expect(await end(upid)).toEqual({ is: 'ok', warnings: false })
    expect(tracker.open).toBe(0)
  })

  it('gives PVE’s words for a task that failed', async () => {
    expect(await end(await sim.pve.start(template))).toEqual({ is: 'failed', exitstatus: "you can't start a vm if it's a template" })
  })

  it('counts warnings as success and a killed worker as unknown', async () => {
    await sim.fault({ route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { warnings: 1 } })
    expect(await end(await sim.pve.clone(template, clone(901)))).toEqual({ is: 'ok', warnings: true })
    await sim.fault({ route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { kill: true } })
    expect(await end(await sim.pve.clone(template, clone(902)))).toEqual({ is: 'unknown', why: 'unexpected status' })
  })

  it('calls a task unknown that PVE does not know', async () => {
    const upid = 'UPID:pve1:0000AAAA:00AAAAAA:68F00001:qmclone:9000:root@pam!sim:'
    expect(await end(upid)).toMatchObject({ is: 'unknown', why: expect.stringContaining('no such task') })
    expect(await end('nonsense')).toEqual({ is: 'unknown', why: '"nonsense" is not a UPID' })
  })

  it('asks again, 15 s later, about a task that PVE could not tell of', async () => {
    const upid = await sim.pve.clone(template, clone(905))
    await sim.fault({ route: 'GET /nodes/{node}/tasks/{upid}/status', status: 403, reason: 'Permission check failed', times: 1 })
    const first = await end(upid)
    expect([first.is, isTaskOver(first)]).toEqual(['unknown', false])
    await sim.forgetRequests()
    const next = end(upid)
    clock.skip(14_000)
    expect(tracker.ended(upid)).toEqual(first)
    expect((await sim.requests())[statusRoute]).toBeUndefined()
    clock.skip(2_000)
    expect(await next).toEqual({ is: 'ok', warnings: false })
    expect(tracker.ended(upid)).toEqual({ is: 'ok', warnings: false })
  })

  it('asks no sooner about it where it looks at the other tasks of the node by a list', async () => {
    const upid = await sim.pve.clone(template, clone(906))
    await sim.fault({ route: statusRoute, status: 403, reason: 'Permission check failed', times: 'always' })
    await end(upid)
    await sim.fault({ route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { extraMs: 3_600_000 }, times: 3 })
    for (const vmid of [907, 908, 909]) tracker.follow(await sim.pve.clone(template, clone(vmid)), () => undefined)
    tracker.follow(upid, () => undefined)
    await sim.forgetRequests()
    const asked = async () => await sim.requests()
    for (let lists = 1; lists <= 4; lists++) {
      clock.skip(2_000)
      await until('the list is asked for', async () => ((await asked())['GET /nodes/{node}/tasks'] ?? 0) >= lists)
    }
    expect((await asked())[statusRoute]).toBeUndefined()
    clock.skip(8_000)
    await until('it is asked for', async () => ((await asked())[statusRoute] ?? 0) === 1)
  })

  it('takes no silence of an hour ago for the silence of today', async () => {
    const silent = { route: statusRoute, status: 595, reason: 'No route to host' }
    const upid = await sim.pve.clone(template, clone(906))
    await sim.fault({ ...silent, times: 'always' })
    let was: TaskEnd | undefined
    tracker.follow(upid, (how) => (was = how))
    await until('nobody waits any longer', () => {
      clock.skip(5_000)
      return was !== undefined
    })
    await sim.clearFaults()
    clock.skip(3_600_000)
    await sim.fault({ ...silent, times: 1 })
    expect(await end(await sim.pve.clone(template, clone(907)))).toEqual({ is: 'ok', warnings: false })
  })

  it.each([
    [{ is: 'ok', warnings: false }, true],
    [{ is: 'failed', exitstatus: 'job errors' }, true],
    [{ is: 'unknown', why: 'unexpected status' }, true],
    [{ is: 'unknown', why: 'no such task' }, true],
    [{ is: 'unknown', why: '"nonsense" is not a UPID' }, true],
    [{ is: 'unknown', why: 'node pve1 has not answered for 2 minutes: No route to host' }, false],
    [{ is: 'unknown', why: 'Permission check failed' }, false],
  ] as const)('knows that no worker does it any more: %j %s', (how, expected) => expect(isTaskOver(how)).toBe(expected))

  it('looks again when PVE does not answer, and concludes nothing', async () => {
    const upid = await sim.pve.clone(template, clone(903))
    await sim.fault({ route: 'GET /nodes/{node}/tasks/{upid}/status', drop: 'before', times: 4 })
    expect(await end(upid)).toEqual({ is: 'ok', warnings: false })
  })

  it('asks once for one task when it knows how long that type takes', async () => {
    await end(await sim.pve.clone(template, clone(904)))
    await end(await sim.pve.clone(template, clone(905)))
    await sim.forgetRequests()
    await end(await sim.pve.clone(template, clone(906)))
    expect((await sim.requests())['GET /nodes/{node}/tasks/{upid}/status']).toBeLessThanOrEqual(2)
  })

  it('looks at many tasks of a node by one list', async () => {
    const upids = await Promise.all(Array.from({ length: 8 }, (_, at) => sim.pve.clone(template, clone(910 + at))))
    await sim.forgetRequests()
    expect(await Promise.all(upids.map(end))).toEqual(upids.map(() => ({ is: 'ok', warnings: false })))
    const requests = await sim.requests()
    expect(requests['GET /nodes/{node}/tasks']).toBeGreaterThan(0)
    expect(requests['GET /nodes/{node}/tasks/{upid}/status']).toBeLessThanOrEqual(2 * upids.length)
  })

  it('calls back neither who does not want to know any more, nor anybody the less for one that throws', async () => {
    const upid = await sim.pve.clone(template, clone(920))
    const called: TaskEnd[] = []
    const bug = new Error('a bug of a follower')
    tracker.follow(upid, (ended) => called.push(ended))()
    tracker.follow(upid, () => {
      throw bug
    })
    await end(upid)
    tracker.follow(upid, (ended) => called.push(ended))()
    await new Promise((resolve) => setImmediate(resolve))
    expect(called).toEqual([])
    expect(problems).toEqual([bug])
  })
})
