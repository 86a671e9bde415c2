import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

type Row = Record<string, unknown>

const guest = {
  vmid: 200,
  node: 'pve2',
  running: true,
  config: { name: 'web', memory: '512', scsi0: 'ceph:vm-200-disk-0,size=1G', net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' },
}

describe('an outage of the cluster', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill({ speed: 1000, scenario: { guests: [guest] } })
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  const arm = async (fault: Row) => expect((await pve.sim('POST', '/faults', fault)).status).toBe(200)
  const rows = async () => (await pve.api('GET', '/cluster/resources')).data as Row[]
  const row = async (id: string) => (await rows()).find((one) => one['id'] === id)
  const status = async () => (await pve.api('GET', '/cluster/status')).data as Row[]

  it('of pvestatd makes node, storages and guests unknown after five minutes, guests without name and sizes', async () => {
    await arm({ id: 'silent', pvestatd: { node: 'pve2', state: 'off' } })
    await pve.until(
      () => row('node/pve2'),
      (now) => now?.['status'] === 'unknown',
    )
    expect(await row('qemu/200')).toEqual({ id: 'qemu/200', type: 'qemu', vmid: 200, node: 'pve2', status: 'unknown' })
    expect(await row('storage/pve2/ceph')).toMatchObject({ status: 'unknown' })
    // Five minutes are 0.3 s here, and a busy machine may be late with the word of any node.
    await pve.until(
      () => row('node/pve1'),
      (now) => now?.['status'] === 'online',
    )
    expect((await pve.api('GET', '/nodes/pve2/qemu/200/status/current')).data).toMatchObject({ status: 'running' })
    await pve.sim('DELETE', '/faults')
    await pve.until(
      () => row('qemu/200'),
      (now) => now?.['status'] === 'running',
    )
  })

  it('of a node that is off: it is offline at once, its guests keep their last values and turn unknown after five minutes', async () => {
    await arm({ id: 'dark', node: { name: 'pve2', state: 'off' } })
    expect(await row('node/pve2')).toMatchObject({ status: 'offline' })
    const first = await row('qemu/200')
    expect(['running', 'unknown']).toContain(first?.['status'])
    expect(
      await pve.until(
        () => row('qemu/200'),
        (now) => now?.['status'] === 'unknown',
      ),
    ).toMatchObject({ node: 'pve2' })
    expect(await row('node/pve2')).toMatchObject({ status: 'offline' })
  })

  it('that overlaps with another of the same node is over when the last of them ends', async () => {
    await arm({ id: 'first', node: { name: 'pve2', state: 'off' } })
    await arm({ id: 'second', node: { name: 'pve2', state: 'off' } })
    await pve.sim('DELETE', '/faults?id=first')
    expect(await status()).toMatchObject([{}, {}, { name: 'pve2', online: 0 }, {}])
    await pve.sim('DELETE', '/faults?id=second')
    expect(await status()).toMatchObject([{}, {}, { name: 'pve2', online: 1 }, {}])
  })

  it('by maintenance that overlaps with another of the same node is over when the last of them ends', async () => {
    const mode = () => pve.simulator.world.ha.maintenance.has('pve2')
    await arm({ id: 'first', node: { name: 'pve2', state: 'maintenance' } })
    await arm({ id: 'second', node: { name: 'pve2', state: 'maintenance' } })
    await pve.sim('DELETE', '/faults?id=first')
    expect(mode()).toBe(true)
    await pve.sim('DELETE', '/faults?id=second')
    expect(mode()).toBe(false)
  })

  it('of the config store that overlaps with another brings the guests back when the last of them ends', async () => {
    await arm({ id: 'first', configStore: 'empty' })
    await arm({ id: 'second', configStore: 'empty' })
    const made = await pve.api('POST', '/nodes/pve1/qemu', { vmid: 302, memory: 512 })
    expect(await pve.exitOf(made.data as string)).toBe('OK')
    await pve.sim('DELETE', '/faults?id=first')
    expect(await pve.vmids()).toEqual([302])
    await pve.sim('DELETE', '/faults?id=second')
    expect(await pve.vmids()).toEqual(expect.arrayContaining([200, 302, 9000]))
  })

  it('of quorum lets a deletion free the disks, and fail when it comes to the config', async () => {
    const vmid = 300
    const made = await pve.api('POST', '/nodes/pve1/qemu', { vmid, scsi0: 'local-lvm:1', memory: 512 })
    expect(await pve.exitOf(made.data as string)).toBe('OK')
    await arm({ id: 'split', minority: true })
    const { data } = await pve.api('DELETE', `/nodes/pve1/qemu/${vmid}`)
    expect(await pve.exitOf(data as string)).toMatch(/300\.conf\.tmp.* - Permission denied/)
    await pve.sim('DELETE', '/faults')
    expect(await row(`qemu/${vmid}`)).toMatchObject({ vmid })
    expect(pve.simulator.world.storage.ownedBy(vmid)).toEqual([])
  })

  it('of quorum leaves a guest down that is being rebooted', async () => {
    const vmid = 301
    const made = await pve.api('POST', '/nodes/pve1/qemu', { vmid, memory: 512, start: 1 })
    expect(await pve.exitOf(made.data as string)).toBe('OK')
    const guest = () => pve.simulator.world.guests.get(vmid)
    await pve.until(async () => guest()?.isRunning, Boolean)
    await arm({ id: 'split', minority: true })
    const { data } = await pve.api('POST', `/nodes/pve1/qemu/${vmid}/status/reboot`)
    expect(await pve.exitOf(data as string)).toBe('OK')
    await new Promise<void>((resolve) => pve.simulator.world.clock.after(60_000, resolve))
    expect(guest()?.isRunning).toBe(false)
  })

  it('of the config store: no guest is left in the listing, their volumes are, and they come back', async () => {
    await arm({ id: 'gone', configStore: 'empty' })
    expect((await rows()).filter(({ type }) => type === 'qemu')).toEqual([])
    expect((await pve.api('GET', '/nodes/pve2/qemu/200/config')).reason).toMatch(/does not exist$/)
    expect(JSON.stringify((await pve.api('GET', '/nodes/pve2/storage/ceph/content')).data)).toContain('ceph:vm-200-disk-0')
    await pve.sim('DELETE', '/faults')
    expect(await row('qemu/200')).toMatchObject({ vmid: 200 })
  })

  it('by maintenance moves managed guests away and shows the state of the node', async () => {
    await pve.api('POST', '/cluster/ha/resources', { sid: 'vm:200' })
    await pve.until(
      () => row('qemu/200'),
      (now) => now?.['hastate'] === 'started',
    )
    await arm({ id: 'work', node: { name: 'pve2', state: 'maintenance' } })
    await pve.until(
      () => row('node/pve2'),
      (now) => now?.['hastate'] === 'maintenance',
    )
    await pve.until(
      () => row('qemu/200'),
      (now) => now?.['node'] !== 'pve2',
    )
    await pve.sim('DELETE', '/faults')
    await pve.until(
      () => row('qemu/200'),
      (now) => now?.['node'] === 'pve2',
    )
  })

  it.each([
    [{ node: { name: 'pve9', state: 'off' } }, /there is no node 'pve9'/],
    [{ minority: ['pve9'] }, /there is no node 'pve9'/],
    [{ minority: 'yes' }, /minority of fault 'fault-1' is true, or a list of the nodes/],
    [{ configStore: 'full' }, /configStore of fault 'fault-1' must be one of: empty/],
    [{ configStore: 'empty', meanwhile: 'later' }, /meanwhile of fault 'fault-1' is a list of hooks/],
    [{ configStore: 'empty', meanwhile: [{ op: 'explode' }] }, /op must be one of: lock, unlock/],
    [{ route: 'GET /version', drop: 'before', beginAfterMs: 5 }, /goes with drop: "after" or when: "after"/],
  ])('is refused when it is not right: %j', async (fault, text) => {
    const answer = await pve.sim('POST', '/faults', fault)
    expect(answer.status).toBe(400)
    expect(answer.body['error']).toMatch(text)
    expect((await pve.sim('GET', '/faults')).body['faults']).toEqual([])
  })
})

describe('an outage that cuts the answering node off', () => {
  let pve: Drill

  // Slow enough that what pvestatd has said is not five minutes old when it is read.
  beforeAll(async () => {
    pve = await startDrill({ speed: 10, scenario: { guests: [guest] } })
  })
  afterAll(() => pve.stop())

  const row = async (id: string) => ((await pve.api('GET', '/cluster/resources')).data as Row[]).find((one) => one['id'] === id)
  const status = async () => (await pve.api('GET', '/cluster/status')).data as Row[]

  it('leaves it in a minority: no quorum, the others offline, their guests as last seen', async () => {
    const split = { id: 'split', minority: true, meanwhile: [{ op: 'lock', args: [200, 'migrate'] }] }
    expect((await pve.sim('POST', '/faults', split)).status).toBe(200)
    expect(await status()).toMatchObject([
      { type: 'cluster', quorate: 0 },
      { name: 'pve1', online: 1 },
      { name: 'pve2', online: 0 },
      { name: 'pve3', online: 0 },
    ])
    expect(await row('node/pve2')).toMatchObject({ status: 'offline' })
    expect(await row('qemu/200')).toMatchObject({ node: 'pve2', name: 'web' })
    expect((await pve.api('GET', '/nodes/pve2/qemu/200/config')).status).toBe(595)
    expect((await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 300 })).reason).toBe('cluster not ready - no quorum?')
    await pve.sim('DELETE', '/faults')
    expect(await status()).toMatchObject([{ quorate: 1 }, {}, { online: 1 }, {}])
    expect(await row('qemu/200')).toMatchObject({ lock: 'migrate' })
  })
})

describe('another PVE behind the address', () => {
  it('has another CA, another name and none of the guests, until the first one answers again', async () => {
    const pve = await startDrill({ scenario: { guests: [guest] } })
    const root = async () => ((await pve.api('GET', '/nodes/pve1/certificates/info')).data as Row[])[0]
    const first = await root()
    expect(first).toMatchObject({ filename: 'pve-root-ca.pem', subject: '/CN=Proxmox Virtual Environment (simulated)' })
    await pve.sim('POST', '/other-pve')
    const second = await root()
    expect(second?.['fingerprint']).not.toBe(first?.['fingerprint'])
    expect((await pve.api('GET', '/cluster/status')).data).toMatchObject([{ name: 'sim-other' }, {}, {}, {}])
    expect(await pve.vmids()).toEqual([9000, 9001, 9002, 9010])
    await pve.sim('DELETE', '/other-pve')
    expect(await root()).toEqual(first)
    expect(await pve.vmids()).toContain(200)
    await pve.stop()
  })

  it('answers what it was asked, however long that takes after it came', async () => {
    const pve = await startDrill({ speed: 1 })
    await pve.sim('POST', '/faults', { route: 'GET /version', delayMs: 500 })
    await pve.sim('POST', '/other-pve')
    expect((await pve.api('GET', '/version')).status).toBe(200)
    await pve.stop()
  })
})
