import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

const vm = '/nodes/pve1/qemu/100'

async function make(pve: Drill): Promise<void> {
  pve.simulator.reset()
  const params = { vmid: 100, name: 'one', memory: 1024, scsi0: 'local-lvm:4', net0: 'virtio,bridge=vmbr0' }
  expect(await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', params)).data)).toBe('OK')
}

describe('power', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(() => make(pve))
  afterAll(() => pve.stop())

  const call = (name: string, params: Record<string, string | number> = {}) => pve.api('POST', `${vm}/status/${name}`, params)
  const run = async (name: string, params: Record<string, string | number> = {}) => pve.exitOf((await call(name, params)).data)
  const state = async () => (await pve.api('GET', `${vm}/status/current`)).data as Record<string, unknown>

  it('starts once; a second start fails in its task, a second stop does not', async () => {
    expect(await run('start')).toBe('OK')
    expect(await run('start')).toBe('VM 100 already running')
    expect(await run('stop')).toBe('OK')
    expect(await run('stop')).toBe('OK')
  })

  it.each(['reboot', 'reset', 'suspend', 'resume'])('%s of a stopped VM is refused at once', async (name) => {
    expect((await call(name)).reason).toBe('VM 100 not running')
  })

  it('pauses without stopping, and a paused VM cannot be shut down', async () => {
    await run('start')
    await run('suspend')
    expect(await state()).toMatchObject({ status: 'running', qmpstatus: 'paused' })
    expect((await call('shutdown')).reason).toBe('VM is paused - cannot shutdown')
    expect(await run('resume')).toBe('OK')
    expect(await state()).toMatchObject({ qmpstatus: 'running' })
  })

  it('shuts a guest down that listens, gives up on one that does not, and cuts it with forceStop', async () => {
    await run('start')
    expect(await run('shutdown')).toBe('OK')
    pve.simulator.world.spec.durations.guestsObeyShutdown = false
    await run('start')
    expect(await run('shutdown', { timeout: 2 })).toBe('VM quit/powerdown failed - got timeout')
    expect(await run('shutdown', { timeout: 2, forceStop: 1 })).toBe('OK')
    expect(await state()).toMatchObject({ status: 'stopped' })
  })

  it('reboots with a start of its own that applies what is pending', async () => {
    await run('start')
    const { pid } = await state()
    await pve.api('PUT', `${vm}/config`, { cores: 4 })
    expect(await run('reboot')).toBe('OK')
    for (;;) {
      const now = await state()
      if (now['status'] === 'running' && now['pid'] !== pid) break
    }
    expect(await state()).toMatchObject({ cpus: 4 })
  })

  it('hibernates with its memory on a volume, and start wakes it', async () => {
    await run('start')
    expect(await run('suspend', { todisk: 1 })).toBe('OK')
    expect(await state()).toMatchObject({ status: 'stopped', lock: 'suspended' })
    expect(await run('start')).toBe('OK')
    expect((await state())['lock']).toBeUndefined()
  })

  it('does not start templates, locked VMs, more CPUs than the host has, or unknown bridges', async () => {
    expect(await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/9000/status/start')).data)).toBe(
      "you can't start a vm if it's a template",
    )
    await pve.api('PUT', `${vm}/config`, { cores: 65 })
    expect(await run('start')).toBe('MAX 64 vcpus allowed per VM on this node')
    await pve.api('PUT', `${vm}/config`, { cores: 1, net0: 'virtio,bridge=vmbr9' })
    expect(await run('start')).toBe("bridge 'vmbr9' does not exist")
    pve.simulator.world.setLock(100, 'backup')
    expect(await run('start')).toBe('VM is locked (backup)')
    expect(await run('stop')).toBe('OK')
  })

  it('of a missing VM is found out only by the task', async () => {
    const { data } = await pve.api('POST', '/nodes/pve1/qemu/777/status/start')
    expect(await pve.exitOf(data)).toBe("Configuration file 'nodes/pve1/qemu-server/777.conf' does not exist")
  })

  it('answers through the agent only when there is one, the VM runs and it has booted', async () => {
    const ping = () => pve.api('POST', `${vm}/agent/ping`)
    expect((await ping()).reason).toBe('No QEMU guest agent configured')
    await pve.api('PUT', `${vm}/config`, { agent: 1, ipconfig0: 'ip=10.0.0.5/24' })
    expect((await ping()).reason).toBe('VM 100 is not running')
    await run('start')
    while ((await ping()).status !== 200);
    const { data } = await pve.api('GET', `${vm}/agent/network-get-interfaces`)
    expect(JSON.stringify(data)).toContain('10.0.0.5')
  })
})

describe('destruction', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(() => make(pve))
  afterAll(() => pve.stop())

  const destroy = (params: Record<string, string | number> = {}) => pve.api('DELETE', vm, params)

  it('looks at the file, then protection, then whether it runs, then the lock', async () => {
    expect((await pve.api('DELETE', '/nodes/pve1/qemu/777')).reason).toBe(
      "Configuration file 'nodes/pve1/qemu-server/777.conf' does not exist",
    )
    await pve.exitOf((await pve.api('POST', `${vm}/status/start`)).data)
    await pve.api('PUT', `${vm}/config`, { protection: 1 })
    pve.simulator.world.setLock(100, 'backup')
    expect((await destroy()).reason).toBe("can't remove VM 100 - protection mode enabled")
    pve.simulator.world.setLock(100, undefined)
    await pve.api('PUT', `${vm}/config`, { protection: 0 })
    expect((await destroy()).reason).toBe('VM 100 is running - destroy failed')
    await pve.exitOf((await pve.api('POST', `${vm}/status/stop`)).data)
    pve.simulator.world.setLock(100, 'backup')
    expect(await pve.exitOf((await destroy()).data)).toBe('VM is locked (backup)')
  })

  it('takes disks, unused disks, the firewall file, rights and the place in a pool with it', async () => {
    const { world } = pve.simulator
    await pve.api('PUT', `${vm}/config`, { delete: 'scsi0' })
    await pve.api('PUT', `${vm}/firewall/options`, { enable: 1 })
    await pve.api('POST', '/pools', { poolid: 'p' })
    await pve.api('PUT', '/pools', { poolid: 'p', vms: 100 })
    await pve.api('PUT', '/access/acl', { path: '/vms/100', users: 'root@pam', roles: 'PVEAuditor' })
    expect(await pve.exitOf((await destroy({ purge: 1 })).data)).toBe('OK')
    expect(world.storage.ownedBy(100)).toEqual([])
    expect(world.firewall.has(100)).toBe(false)
    expect(world.access.tree.at('/vms/100')).toEqual([])
    expect(world.access.poolOf(100)).toBeUndefined()
  })

  it('leaves volumes that no config names, unless asked', async () => {
    const orphan = await pve.api('POST', '/nodes/pve1/storage/local-lvm/content', { vmid: 100, filename: 'vm-100-disk-7', size: '1G' })
    expect(orphan.status).toBe(200)
    await pve.exitOf((await destroy()).data)
    expect(pve.simulator.world.storage.ownedBy(100).map((v) => v.name)).toEqual(['vm-100-disk-7'])
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', { vmid: 100, scsi0: 'local-lvm:1' })).data)
    await pve.exitOf((await destroy({ 'destroy-unreferenced-disks': 1 })).data)
    expect(pve.simulator.world.storage.ownedBy(100)).toEqual([])
  })

  it('of a VM that snapshots hold needs no deletion of them first', async () => {
    const snapshot = async (name: string) => pve.exitOf((await pve.api('POST', `${vm}/snapshot`, { snapname: name })).data)
    expect(await snapshot('one')).toBe('OK')
    expect(await snapshot('one')).toBe("snapshot name 'one' already used")
    expect(await pve.exitOf((await destroy()).data)).toBe('OK')
  })
})

describe('the inventory', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill({ speed: 10 })
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  /** What happens in a fresh world before pvestatd has spoken again; once more when it was faster. */
  const beforeTheTick = async <T>(act: () => Promise<T>): Promise<T> => {
    for (;;) {
      pve.simulator.reset()
      const { world } = pve.simulator
      const tick = world.lastTickMs
      const seen = await act()
      if (world.lastTickMs === tick) return seen
    }
  }

  const row = async (vmid: number) =>
    ((await pve.api('GET', '/cluster/resources', { type: 'vm' })).data as Record<string, unknown>[]).find((r) => r['vmid'] === vmid)

  it('knows a new VM at once by id, node and lock, and by name and status only after the next tick', async () => {
    const { data, first } = await beforeTheTick(async () => {
      const asked = await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200, name: 'web', full: 1 })
      let seen = await row(200)
      while (seen === undefined) seen = await row(200)
      return { data: asked.data, first: seen }
    })
    expect(first).toEqual({ id: 'qemu/200', type: 'qemu', vmid: 200, node: 'pve1', status: 'unknown', lock: 'clone' })
    await pve.exitOf(data)
    while ((await row(200))?.['status'] === 'unknown');
    expect(await row(200)).toMatchObject({ name: 'web', status: 'stopped', template: 0 })
  })

  it('shows tags at once and a name late', async () => {
    const first = await beforeTheTick(async () => {
      await pve.api('PUT', '/nodes/pve1/qemu/9000/config', { tags: 'new', name: 'renamed' })
      return await row(9000)
    })
    expect(first).toMatchObject({ tags: 'new', name: 'debian-13' })
    while ((await row(9000))?.['name'] !== 'renamed');
  })

  it('shows the predecessor of a reused id until the tick', async () => {
    const name = await beforeTheTick(async () => {
      await pve.exitOf((await pve.api('DELETE', '/nodes/pve1/qemu/9000')).data)
      await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', { vmid: 9000, name: 'other' })).data)
      return (await row(9000))?.['name']
    })
    expect(name).toBe('debian-13')
  })

  it('gives nextid as advice: the same to everybody, and a string', async () => {
    const ask = async () => (await pve.api('GET', '/cluster/nextid')).data
    expect([await ask(), await ask()]).toEqual(['100', '100'])
    expect((await pve.api('GET', '/cluster/nextid', { vmid: 9000 })).errors).toEqual({ vmid: 'VM 9000 already exists' })
  })

  it('moves a VM to its new node in one step at the end of a migration', async () => {
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/9010/clone', { newid: 200 })).data)
    const seen = new Set<unknown>([(await row(200))?.['node']])
    const { data } = await pve.api('POST', '/nodes/pve1/qemu/200/migrate', { target: 'pve2' })
    while (!seen.has('pve2')) seen.add((await row(200))?.['node'])
    expect(await pve.exitOf(data)).toBe('OK')
    expect([...seen]).toEqual(['pve1', 'pve2'])
    expect((await pve.api('GET', '/nodes/pve1/qemu/200/config')).reason).toBe(
      "Configuration file 'nodes/pve1/qemu-server/200.conf' does not exist",
    )
  })

  it('loses power with a node: tasks end without a word, locks stay', async () => {
    // The limit makes it last: it is under way when the node goes, however slow this machine is.
    const { data } = await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200, full: 1, bwlimit: 10_000 })
    while ((await row(200)) === undefined);
    pve.simulator.world.setNodeOnline('pve1', false)
    expect((await pve.api('GET', '/nodes/pve1/qemu/200/config')).status).toBe(595)
    pve.simulator.world.setNodeOnline('pve1', true)
    expect(await pve.exitOf(data)).toBe('unexpected status')
    expect((await row(200))?.['lock']).toBe('clone')
  })
})

describe('a reset', () => {
  it('drops what is under way, and the next world knows nothing of it', async () => {
    const pve = await startDrill({ speed: 1 })
    const { data } = await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200, full: 1 })
    const waiting = pve.api('POST', '/nodes/pve1/qemu', { vmid: 200 })
    while (!pve.simulator.world.flocks.isHeld('/var/lock/qemu-server/lock-200.conf') || pve.simulator.world.inFlight.size === 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
    pve.simulator.reset()
    expect((await waiting).status).toBe(0)
    expect((await pve.api('GET', `/nodes/pve1/tasks/${String(data)}/status`)).errors).toEqual({ upid: 'no such task' })
    expect(await pve.vmids()).toEqual([9000, 9001, 9002, 9010])
    await pve.stop()
  })
})
