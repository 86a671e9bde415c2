import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

const cloneRoute = 'POST /nodes/{node}/qemu/{vmid}/clone'

describe('a scripted fault', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  const arm = (...faults: unknown[]) => pve.sim('POST', '/faults', faults)
  const clone = (newid: number) => pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid })

  it('loses the answer of a clone that was made all the same', async () => {
    await arm({ route: cloneRoute, drop: 'after' })
    expect((await clone(200)).status).toBe(0)
    const { data } = await pve.api('GET', '/nodes/pve1/tasks', { source: 'all', typefilter: 'qmclone' })
    expect(await pve.exitOf((data as { upid: string }[])[0]?.upid)).toBe('OK')
    expect(await pve.vmids()).toContain(200)
  })

  it('loses a request before it does anything', async () => {
    await arm({ route: cloneRoute, drop: 'before' })
    expect((await clone(200)).status).toBe(0)
    expect(await pve.exitOf((await clone(201)).data)).toBe('OK')
    expect(await pve.vmids()).toEqual([201, 9000, 9001, 9002, 9010])
  })

  it('answers with a status, reason and errors of its own', async () => {
    await arm({ route: cloneRoute, status: 500, reason: "can't lock file - got timeout" })
    expect(await clone(200)).toMatchObject({ status: 500, reason: "can't lock file - got timeout" })
    await arm({ route: cloneRoute, status: 400, errors: { newid: 'no' } })
    expect(await clone(200)).toMatchObject({ status: 400, reason: 'Parameter verification failed.', errors: { newid: 'no' } })
  })

  it('makes a task fail before its effect or after it', async () => {
    await arm(
      { route: cloneRoute, task: { exitstatus: 'no space left', before: true } },
      { route: cloneRoute, task: { exitstatus: 'unlucky' } },
    )
    expect(await pve.exitOf((await clone(200)).data)).toBe('no space left')
    expect(await pve.vmids()).not.toContain(200)
    expect(await pve.exitOf((await clone(201)).data)).toBe('unlucky')
    expect(await pve.vmids()).toContain(201)
  })

  it('kills a worker: unexpected status, and the lock stays', async () => {
    await arm({ route: cloneRoute, task: { kill: true } })
    expect(await pve.exitOf((await clone(200)).data)).toBe('unexpected status')
    const { body } = await pve.sim('GET', '/vms')
    expect((body['vms'] as { vmid: number; lock: string }[]).find(({ vmid }) => vmid === 200)?.lock).toBe('clone')
  })

  it('skips the first requests, hits so many, and only those that match', async () => {
    await arm({ route: 'GET /version', after: 1, times: 2, status: 599, reason: 'Too many redirections' })
    const statuses: number[] = []
    for (let n = 0; n < 4; n += 1) statuses.push((await pve.api('GET', '/version')).status)
    expect(statuses).toEqual([200, 599, 599, 200])
    await arm({ id: 'only-9001', route: 'GET /nodes/*/qemu/*/config', match: { vmid: 9001 }, times: 'always', status: 500, reason: 'x' })
    expect((await pve.api('GET', '/nodes/pve1/qemu/9000/config')).status).toBe(200)
    expect((await pve.api('GET', '/nodes/pve2/qemu/9001/config')).status).toBe(500)
    const { body } = await pve.sim('GET', '/faults')
    expect((body['faults'] as Record<string, unknown>[]).at(-1)).toMatchObject({ id: 'only-9001', hits: 1, remaining: 'always' })
  })

  it('switches a node off and on again', async () => {
    await arm({ id: 'dark', node: { name: 'pve2', state: 'off' } })
    expect(await pve.api('GET', '/nodes/pve2/qemu/9001/config')).toMatchObject({ status: 595 })
    await pve.sim('DELETE', '/faults?id=dark')
    expect((await pve.api('GET', '/nodes/pve2/qemu/9001/config')).status).toBe(200)
  })

  it('fills a storage up and empties it again', async () => {
    await arm({ storage: { name: 'local-lvm', state: 'full' } })
    expect(await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200, full: 1 })).data)).toMatch(
      /insufficient free space/,
    )
    await pve.sim('DELETE', '/faults')
    expect(await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200, full: 1 })).data)).toBe('OK')
  })

  it('cuts a storage off', async () => {
    await arm({ storage: { name: 'ceph', state: 'off' } })
    const { data } = await pve.api('GET', '/nodes/pve1/storage', { storage: 'ceph' })
    expect(data).toMatchObject([{ storage: 'ceph', active: 0, total: 0 }])
    expect(await pve.api('GET', '/nodes/pve1/storage/ceph/content')).toMatchObject({ status: 500, reason: "storage 'ceph' is not online" })
  })

  it('puts the cluster back by itself after a while', async () => {
    await arm({ daemon: { node: 'pve1', state: 'off' }, forMs: 40_000 })
    expect(await pve.api('GET', '/nodes/pve1/qemu/9000/status/current')).toMatchObject({ status: 595, reason: 'Connection refused' })
    const deadline = performance.now() + 60_000
    while ((await pve.api('GET', '/nodes/pve1/qemu/9000/status/current')).status !== 200) expect(performance.now()).toBeLessThan(deadline)
  })

  it('takes the quorum away: reads go on, writes do not', async () => {
    await arm({ noQuorum: true })
    expect((await pve.api('GET', '/cluster/resources')).status).toBe(200)
    expect((await pve.api('PUT', '/nodes/pve1/qemu/9000/config', { onboot: 1 })).status).toBe(500)
    await pve.sim('DELETE', '/faults')
    expect((await pve.api('PUT', '/nodes/pve1/qemu/9000/config', { onboot: 1 })).status).toBe(200)
  })

  it.each([
    [{}, /does nothing: give it delayMs, drop/],
    [{ route: 'POST /nodes/{node}/qemu/{vmid}/klone', drop: 'after' }, /no route fits .*\/sim\/routes lists them/],
    [{ route: 'GET /nodes/{node}/qemu/{vmid}/clone', drop: 'after' }, /did you mean 'POST \/nodes\/\{node\}\/qemu\/\{vmid\}\/clone'\?/],
    [{ route: 'clone', drop: 'after' }, /must be a method and a path/],
    [{ route: 'POST /api2/json/nodes', drop: 'after' }, /leave \/api2\/json away/],
    [{ route: cloneRoute, drop: 'sometimes' }, /must be one of: before, after/],
    [{ route: cloneRoute, status: 500 }, /needs a reason/],
    [{ route: cloneRoute, reason: 'x' }, /has reason but no status/],
    [{ drop: 'after' }, /needs a route/],
    [{ route: cloneRoute, delay: 5 }, /has no field 'delay'; it may have: .*delayMs/],
    [{ node: { name: 'pve9', state: 'off' } }, /there is no node 'pve9'; there are: pve1, pve2, pve3/],
  ])('that is %j is refused with what to write instead', async (fault, text) => {
    const { status, body } = await arm(fault)
    expect(status).toBe(400)
    expect(body['error']).toMatch(text)
    expect((await pve.sim('GET', '/faults')).body).toEqual({ faults: [] })
  })
})
