import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

type Row = Record<string, unknown>

const vm = '/nodes/pve1/qemu/200'
const cloneRoute = 'POST /nodes/{node}/qemu/{vmid}/clone'

describe('what can happen to a guest', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill({ speed: 50 })
  })
  beforeEach(async () => {
    pve.simulator.reset()
    await done(await pve.api('POST', '/nodes/pve1/qemu/9010/clone', { newid: 200, name: 'web' }))
  })
  afterAll(() => pve.stop())

  const exit = async (answer: { data: unknown }) => pve.exitOf(answer.data)
  const done = async (answer: { data: unknown }) => expect(await exit(answer)).toBe('OK')
  const power = (name: string, params: Record<string, string | number> = {}) => pve.api('POST', `${vm}/status/${name}`, params)
  const hook = async (op: string, ...args: (string | number)[]) =>
    expect((await pve.sim('POST', '/hook', { op, args })).body).toEqual({ done: true })
  const arm = async (fault: Row) => expect((await pve.sim('POST', '/faults', fault)).status).toBe(200)
  const status = async () => (await pve.api('GET', `${vm}/status/current`)).data as Row

  it('is a task that ends OK and has changed nothing', async () => {
    const config = () => pve.api('POST', `${vm}/config`, { cores: 3 })
    const cores = async () => ((await pve.api('GET', `${vm}/config`)).data as Row)['cores']
    const before = await cores()
    await arm({ route: 'POST /nodes/{node}/qemu/{vmid}/config', task: { noEffect: true } })
    await done(await config())
    expect(await cores()).toBe(before)
    await done(await config())
    expect(await cores()).toBe(3)
  })

  it('is the clean-up of a stop that keeps its file lock while it runs again: stop, start, stop gives a timeout', async () => {
    await arm({ cleanupMs: 600_000 })
    await done(await power('start'))
    await done(await power('stop'))
    await done(await power('start'))
    await pve.until(
      async () => pve.simulator.world.flocks.isHeld('/var/lock/qemu-server/lock-200.conf'),
      (held) => held,
    )
    expect(await exit(await power('stop'))).toBe("can't lock file '/var/lock/qemu-server/lock-200.conf' - got timeout")
  })

  it('is a broken snapshot: deleting it alone leaves the lock snapshot-delete, destroying the VM takes it along', async () => {
    await done(await pve.api('POST', `${vm}/snapshot`, { snapname: 'whole' }))
    await done(await pve.api('POST', `${vm}/snapshot`, { snapname: 'broken' }))
    await hook('break-snapshot', 200, 'broken')
    expect(await exit(await pve.api('DELETE', `${vm}/snapshot/broken`))).toMatch(/^rbd snapshot 'broken' error/)
    expect((await status())['lock']).toBe('snapshot-delete')
    expect(await exit(await pve.api('DELETE', vm))).toBe('VM is locked (snapshot-delete)')
    await hook('unlock', 200)
    await done(await pve.api('DELETE', vm))
    expect(pve.simulator.world.storage.ownedBy(200)).toEqual([])
  })

  it('is a reboot whose second task fails: the first ended OK when the guest was down, the second is root@pam', async () => {
    await done(await power('start'))
    await arm({ route: 'POST /nodes/{node}/qemu/{vmid}/status/reboot', secondTask: { exitstatus: 'got timeout', before: true } })
    await done(await power('reboot'))
    const starts = await pve.until(
      async () => (await pve.api('GET', '/nodes/pve1/tasks', { typefilter: 'qmstart', vmid: 200 })).data as Row[],
      (tasks) => tasks.length === 2,
    )
    expect(starts[0]).toMatchObject({ user: 'root@pam', status: 'got timeout' })
    expect(await status()).toMatchObject({ status: 'stopped' })
  })

  it('is a volume that somebody grew below PVE: the config goes on naming the old size', async () => {
    await hook('resize-volume', 'ceph:vm-200-disk-0', '20G')
    expect(JSON.stringify((await pve.api('GET', `${vm}/config`)).data)).toContain('size=10G')
    const { data } = await pve.api('GET', '/nodes/pve1/storage/ceph/content', { vmid: 200 })
    expect((data as Row[]).find(({ volid }) => volid === 'ceph:base-9010-disk-0/vm-200-disk-0')).toMatchObject({ size: 20 * 1024 ** 3 })
  })

  it('is an I/O error: still running, and deaf to a shutdown', async () => {
    await done(await power('start'))
    await hook('run-state', 200, 'io-error')
    expect(await status()).toMatchObject({ status: 'running', qmpstatus: 'io-error' })
    expect(await exit(await power('shutdown', { timeout: 1 }))).toBe('VM quit/powerdown failed - got timeout')
    await hook('run-state', 200, 'paused')
    expect((await power('shutdown')).reason).toBe('VM is paused - cannot shutdown')
  })

  it('is traffic that is counted by its process: it grows, and falls at a restart and at a migration', async () => {
    await done(await power('start'))
    await hook('traffic', 200, 1000, '2M')
    await hook('traffic', 200, 500, 0)
    expect(await status()).toMatchObject({ netin: 1500, netout: 2 * 1024 ** 2, nics: { tap200i0: { netin: 1500, netout: 2 * 1024 ** 2 } } })
    await done(await pve.api('POST', `${vm}/migrate`, { target: 'pve2', online: 1 }))
    const moved = (await pve.api('GET', '/nodes/pve2/qemu/200/status/current')).data
    expect(moved).toMatchObject({ status: 'running', netin: 0, netout: 0 })
  })

  it('is traffic that flows by itself, and what PVE keeps of it over a restart', async () => {
    await done(await power('start'))
    const { clock, publishAll } = { clock: pve.simulator.world.clock, publishAll: () => pve.simulator.world.publishAll() }
    publishAll()
    await hook('traffic-rate', 200, 100, 10)
    for (let tick = 0; tick < 12; tick++) {
      clock.turn(10_000)
      publishAll()
    }
    const { netin, netout } = await status()
    const readAtMs = clock.now()
    publishAll()
    expect([Math.round(Number(netin) / 1000), Math.round(Number(netout) / 100)]).toEqual([12, 12])
    await done(await power('stop'))
    /** At 100 bytes a second, until it was off. */
    const sinceThen = (clock.now() - readAtMs) / 10
    clock.turn(120_000)
    publishAll()
    const rows = (await pve.api('GET', `${vm}/rrddata`, { timeframe: 'hour', cf: 'AVERAGE' })).data as Row[]
    const kept = rows.reduce((total, row) => total + Number(row['netin'] ?? 0) * 60, 0)
    expect(kept).toBeGreaterThan(Number(netin) - 200)
    expect(kept).toBeLessThan(Number(netin) + sinceThen + 200)
    expect((await status())['netin']).toBe(0)
  })

  it('is that it goes down by itself, or reboots by itself in the same process', async () => {
    await done(await power('start'))
    const { pid } = await status()
    await hook('guest-reboot', 200)
    expect((await status())['pid']).toBe(pid)
    await hook('power-off', 200)
    expect(await status()).toMatchObject({ status: 'stopped' })
  })

  it('is a clone that begins long after its answer was lost: no task and no guest until then', async () => {
    await arm({ route: cloneRoute, drop: 'after', beginAfterMs: 300_000 })
    expect((await pve.api('POST', '/nodes/pve1/qemu/9010/clone', { newid: 300 })).status).toBe(0)
    const tasks = async () => ((await pve.api('GET', '/nodes/pve1/tasks', { source: 'all', typefilter: 'qmclone' })).data as Row[]).length
    expect(await tasks()).toBe(1)
    expect(await pve.vmids()).not.toContain(300)
    await pve.until(tasks, (count) => count === 2)
    await pve.until(
      () => pve.vmids(),
      (vmids) => vmids.includes(300),
    )
  })

  it('is a task that is there and begins later', async () => {
    await arm({ route: 'POST /nodes/{node}/qemu/{vmid}/status/start', beginAfterMs: 150_000 })
    const { data } = await power('start')
    expect((await pve.api('GET', `/nodes/pve1/tasks/${String(data)}/status`)).data).toMatchObject({ status: 'running' })
    expect(await status()).toMatchObject({ status: 'stopped' })
    await done({ data })
    expect(await status()).toMatchObject({ status: 'running' })
  })

  it.each([
    ['resize-volume', ['nowhere', '1G'], /there is no volume 'nowhere'/],
    ['resize-volume', ['ceph:vm-200-disk-0', 'big'], /the size is a number of bytes or a size like 20G, not 'big'/],
    ['break-snapshot', [200, 'none'], /VM 200 has no snapshot 'none'/],
    ['traffic', [200, 1, 1], /VM 200 does not run/],
    ['stop-service', ['sshd'], /the services that can be stopped and started are pvedaemon, pvestatd/],
  ])('says what is wrong with hook %s %j', async (op, args, text) => {
    const answer = await pve.sim('POST', '/hook', { op, args })
    expect(answer.status).toBe(400)
    expect(answer.body['error']).toMatch(text)
  })
})
