import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'
import { HaDrill, scenario } from './ha-drill.ts'

describe('a managed guest', () => {
  let pve: Drill
  let ha: HaDrill

  beforeAll(async () => {
    pve = await startDrill({ speed: 200, scenario })
    ha = new HaDrill(pve)
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  const service = (how: 'stop' | 'start') => pve.sim('POST', '/hook', { op: `${how}-service`, args: ['pve-ha-crm'] })
  const typeOf = (upid: unknown) => String(upid).split(':')[5]

  it('is started by the manager because its resource says so', async () => {
    expect((await ha.status(200)).ha).toMatchObject({ managed: 1 })
    await ha.becomes(200, 'running', 'started')
    expect((await ha.status(203)).ha).toEqual({ managed: 0 })
    expect((await ha.status(202)).ha).toEqual({ managed: 0 })
  })

  it('is stopped and started by tasks that end at once, while the guest is still as it was', async () => {
    await ha.becomes(200, 'running', 'started')
    await service('stop')
    const stop = await ha.call(200, 'status/stop')
    expect(typeOf(stop.data)).toBe('hastop')
    expect(await pve.exitOf(stop.data)).toBe('OK')
    expect((await ha.status(200)).status).toBe('running')
    await service('start')
    await ha.becomes(200, 'stopped', 'stopped')
    await service('stop')
    const start = await ha.call(200, 'status/start')
    expect(typeOf(start.data)).toBe('hastart')
    expect(await pve.exitOf(start.data)).toBe('OK')
    expect((await ha.status(200)).status).toBe('stopped')
    await service('start')
    await ha.becomes(200, 'running', 'started')
    const tasks = (await pve.api('GET', '/cluster/tasks')).data as { type: string; user: string }[]
    expect(tasks.filter(({ type }) => type === 'qmstart' || type === 'qmstop').map(({ user }) => user)).toEqual([
      'root@pam',
      'root@pam',
      'root@pam',
    ])
  })

  it('shuts down by hastop too, and then stays down: its resource says stopped', async () => {
    await ha.becomes(200, 'running', 'started')
    expect(typeOf((await ha.call(200, 'status/shutdown', { timeout: 20 })).data)).toBe('hastop')
    await ha.becomes(200, 'stopped', 'stopped')
    expect((await pve.api('GET', '/cluster/ha/resources/vm:200')).data).toMatchObject({ sid: 'vm:200', type: 'vm', state: 'stopped' })
  })

  it('refuses overrule-shutdown and hibernation', async () => {
    await ha.becomes(200, 'running', 'started')
    expect(await ha.call(200, 'status/stop', { 'overrule-shutdown': 1 })).toMatchObject({
      status: 400,
      errors: { 'overrule-shutdown': 'Not applicable for HA resources.' },
    })
    expect((await ha.call(200, 'status/suspend', { todisk: 1 })).reason).toBe('Cannot suspend HA managed VM to disk')
  })

  it('comes up again when it went down by itself', async () => {
    await ha.becomes(200, 'running', 'started')
    const before = pve.simulator.world.guests.get(200)?.process?.pid
    const node = pve.simulator.world.guests.get(200)
    if (node) node.process = undefined
    await ha.becomes(200, 'running', 'started')
    expect(pve.simulator.world.guests.get(200)?.process?.pid).not.toBe(before)
  })

  it('moves by hamigrate, later and as one piece', async () => {
    await ha.becomes(200, 'running', 'started')
    await service('stop')
    const move = await ha.call(200, 'migrate', { target: 'pve3', online: 1 })
    expect(typeOf(move.data)).toBe('hamigrate')
    expect(await pve.exitOf(move.data)).toBe('OK')
    expect(await ha.node(200)).toBe('pve1')
    await service('start')
    await pve.until(
      () => ha.node(200),
      (node) => node === 'pve3',
    )
    await ha.becomes(200, 'running', 'started')
  })

  it('is recovered on another node when its own dies, about three minutes later, with its lock gone', async () => {
    await pve.api('POST', '/cluster/ha/rules', { rule: 'home', type: 'node-affinity', resources: 'vm:200', nodes: 'pve2:2,pve3' })
    await pve.until(
      () => ha.node(200),
      (node) => node === 'pve2',
    )
    await ha.becomes(200, 'running', 'started')
    await pve.sim('POST', '/hook', { op: 'lock', args: [200, 'backup'] })
    const since = performance.now()
    await pve.sim('POST', '/faults', { node: { name: 'pve2', state: 'off' } })
    await pve.until(
      () => ha.node(200),
      (node) => node === 'pve3',
    )
    expect((performance.now() - since) * 200).toBeGreaterThan(60_000)
    await ha.becomes(200, 'running', 'started')
    expect((await pve.sim('GET', '/vms')).body['vms']).toContainEqual(expect.objectContaining({ vmid: 200, lock: null }))
  })

  it('is not touched when it is ignored: calls act at once, and a dead node keeps it', async () => {
    const start = await ha.call(202, 'status/start')
    expect(typeOf(start.data)).toBe('qmstart')
    expect(await pve.exitOf(start.data)).toBe('OK')
    await ha.becomes(200, 'running', 'started')
    expect((await ha.service(202))?.['state']).toBe('ignored')
    await pve.sim('POST', '/faults', { node: { name: 'pve1', state: 'off' } })
    await pve.until(
      () => ha.node(200),
      (node) => node !== 'pve1',
    )
    expect(await ha.node(202)).toBe('pve1')
  })

  it('goes into error when it cannot be started anywhere, and leaves it only by being disabled', async () => {
    await pve.api('PUT', '/nodes/pve1/qemu/200/config', { net0: 'virtio,bridge=vmbr9' })
    await ha.becomes(200, 'stopped', 'error')
    const start = await ha.call(200, 'status/start')
    expect(await pve.exitOf(start.data)).toBe("command 'ha-manager set vm:200 --state started' failed: exit code 255")
    expect((await pve.api('PUT', '/cluster/ha/resources/vm:200', { state: 'started' })).reason).toBe(
      "service 'vm:200' in error state, must be disabled and fixed first",
    )
    expect((await pve.api('PUT', '/cluster/ha/resources/vm:200', { state: 'disabled' })).status).toBe(200)
    await ha.becomes(200, 'stopped', 'stopped')
    expect((await ha.service(200))?.['state']).toBe('disabled')
  })

  it('is destroyed only with purge, which takes the resource along', async () => {
    const path = '/nodes/pve1/qemu/201'
    expect((await pve.api('DELETE', path)).reason).toBe('unable to remove VM 201 - used in HA resources and purge parameter not set.')
    expect(await pve.exitOf((await pve.api('DELETE', path, { purge: 1 })).data)).toBe('OK')
    expect((await pve.api('GET', '/cluster/ha/resources/vm:201')).reason).toBe("no such resource 'vm:201'")
  })
})
