import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

type Row = Record<string, unknown>

const vm = '/nodes/pve1/qemu/100'

/** Facts of section 22 that a client sees and that have no home of their own; PVE's sources for each. */
describe('what a client sees on a PVE that it does not expect', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(async () => {
    pve.simulator.reset()
    const { data } = await pve.api('POST', '/nodes/pve1/qemu', {
      vmid: 100,
      name: 'one',
      memory: 1024,
      scsihw: 'virtio-scsi-pci',
      scsi0: 'ceph:4',
      agent: 1,
    })
    await pve.exitOf(data)
  })
  afterAll(() => pve.stop())

  const put = (params: Record<string, string | number>) => pve.api('PUT', `${vm}/config`, params)
  const config = async () => (await pve.api('GET', `${vm}/config`)).data as Record<string, string>
  const power = async (call: string, params = {}) => pve.exitOf((await pve.api('POST', `${vm}/status/${call}`, params)).data)
  const row = async (vmid: number) =>
    ((await pve.api('GET', '/cluster/resources', { type: 'vm' })).data as Row[]).find((one) => one['vmid'] === vmid)
  const jobs = async () => ((await pve.api('GET', '/cluster/backup')).data as Row[]).map(({ id, vmid, exclude }) => ({ id, vmid, exclude }))

  it('a resize to the size a disk has changes nothing, and a pending drive string brings its old size back', async () => {
    await power('start')
    await put({ scsi0: 'ceph:vm-100-disk-0,discard=on' })
    const resize = async (size: string) => pve.exitOf((await pve.api('PUT', `${vm}/resize`, { disk: 'scsi0', size })).data)
    expect(await resize('6G')).toBe('OK')
    const before = (await config())['digest']
    expect(await resize('6G')).toBe('OK')
    expect((await config())['digest']).toBe(before)
    await power('stop')
    expect((await config())['scsi0']).toBe('ceph:vm-100-disk-0,discard=on,size=4G')
    expect(pve.simulator.world.storage.find('ceph:vm-100-disk-0', 'pve1')?.sizeBytes).toBe(6 * 1024 ** 3)
  })

  it.each([
    [{ memory: 512, numa: 1 }, 'minimum memory must be 1024MB'],
    [{ memory: 2048 }, 'NUMA needs to be enabled for memory hotplug'],
    [{ memory: 1024, numa: 1 }, 'OK'],
  ])('memory hotplug with %j ends a start with: %s', async (given, exit) => {
    await put({ hotplug: 'network,disk,memory', ...given })
    expect(await power('start')).toBe(exit)
  })

  it('a guest keeps its row in /cluster/resources over a migration', async () => {
    await pve.until(
      () => row(100),
      (one) => one?.['name'] === 'one',
    )
    const moved = await pve.api('POST', `${vm}/migrate`, { target: 'pve2' })
    expect(await pve.exitOf(moved.data)).toBe('OK')
    expect(await row(100)).toMatchObject({ node: 'pve2', name: 'one', status: 'stopped' })
  })

  it('vzdump of a guest on another node answers OK and starts nothing; of one that is nowhere it fails', async () => {
    const on = async (node: string, vmid: number) => pve.api('POST', `/nodes/${node}/vzdump`, { vmid, storage: 'local' })
    expect((await on('pve2', 100)).data).toBe('OK')
    expect((await pve.api('GET', '/nodes/pve2/tasks', { typefilter: 'vzdump', source: 'all' })).data).toEqual([])
    // Why stands in its log alone (PVE::VZDump exec_backup_task).
    expect(await pve.exitOf((await on('pve2', 777)).data)).toBe('job errors')
    expect(await pve.exitOf((await on('pve1', 100)).data)).toBe('OK')
  })

  it('a destroy with purge takes the guest out of backup jobs, one without does not; pool and rights always go', async () => {
    for (const vmid of [101, 102]) await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', { vmid })).data)
    for (const [id, list] of Object.entries({ both: { vmid: '100,101' }, own: { vmid: '100' }, rest: { all: 1, exclude: '100,102' } }))
      expect(await pve.api('POST', '/cluster/backup', { id, schedule: 'daily', storage: 'local', ...list })).toMatchObject({ status: 200 })
    await pve.api('POST', '/pools', { poolid: 'p' })
    for (const vmid of [101, 100]) await pve.api('PUT', '/pools', { poolid: 'p', vms: vmid })
    await pve.api('PUT', '/access/acl', { path: '/vms/101', users: 'root@pam', roles: 'PVEAuditor' })
    await pve.exitOf((await pve.api('DELETE', '/nodes/pve1/qemu/101')).data)
    expect((await jobs())[0]).toMatchObject({ vmid: '100,101' })
    expect(pve.simulator.world.access.poolOf(101)).toBeUndefined()
    expect(pve.simulator.world.access.tree.at('/vms/101')).toEqual([])
    await pve.exitOf((await pve.api('DELETE', vm, { purge: 1 })).data)
    expect(await jobs()).toEqual([
      { id: 'both', vmid: '101', exclude: undefined },
      { id: 'rest', vmid: undefined, exclude: '102' },
    ])
  })

  it('backup jobs check what they are given, some of it under the lock where a 400 becomes a 500', async () => {
    const job = (params: Row) =>
      pve.api('POST', '/cluster/backup', { id: 'job1', schedule: 'mon..fri 02:30', storage: 'local', ...(params as object) })
    expect(await job({})).toMatchObject({ status: 500, reason: '400 Parameter verification failed.' })
    expect(await job({ vmid: '100', script: '/bin/true' })).toMatchObject({
      status: 400,
      errors: { script: 'Only root may set this option.' },
    })
    expect(await job({ vmid: '100', 'prune-backups': 'keep-last=3' })).toMatchObject({ status: 200 })
    expect(await job({ vmid: '100' })).toMatchObject({ status: 500, reason: "Job 'job1' already exists" })
    expect((await pve.api('GET', '/cluster/backup/job1')).data).toMatchObject({
      enabled: 1,
      type: 'vzdump',
      'prune-backups': { 'keep-last': '3' },
    })
    await pve.api('PUT', '/cluster/backup/job1', { all: 1 })
    expect((await pve.api('GET', '/cluster/backup/job1')).data).not.toHaveProperty('vmid')
    expect(await pve.api('GET', '/cluster/backup/none')).toMatchObject({ status: 400, errors: { id: "No such job 'none'" } })
  })

  it('the agent answers in its own words', async () => {
    pve.simulator.world.spec.durations.agentMs = 0
    await power('start')
    const ask = async (method: string, name: string, params = {}) => pve.api(method, `${vm}/agent/${name}`, params)
    expect((await ask('POST', 'fsfreeze-status')).data).toEqual({ result: 'thawed' })
    expect((await ask('POST', 'fsfreeze-freeze')).data).toEqual({ result: 1 })
    expect((await ask('POST', 'fsfreeze-status')).data).toEqual({ result: 'frozen' })
    expect((await ask('POST', 'fsfreeze-thaw')).data).toEqual({ result: 1 })
    expect((await ask('GET', 'get-timezone')).data).toEqual({ result: { zone: 'UTC', offset: 0 } })
    const { pid } = (await ask('POST', 'exec', { command: 'true' })).data as { pid: number }
    expect((await ask('GET', 'exec-status', { pid })).data).toEqual({ exited: 1, exitcode: 0 })
    expect(await ask('GET', 'exec-status', { pid })).toMatchObject({ status: 500, reason: "Agent error: Invalid parameter 'pid'" })
    expect((await pve.api('POST', `${vm}/agent`, { command: 'fsfreeze-status' })).data).toEqual({ result: 'thawed' })
  })

  it('tags are held to the datacenter’s options, inside the task for POST', async () => {
    await pve.api('POST', '/access/users', { userid: 'op@pve' })
    await pve.api('PUT', '/access/acl', { path: '/vms', users: 'op@pve', roles: 'PVEVMAdmin' })
    const { data } = await pve.api('POST', '/access/users/op@pve/token/tok', { privsep: 0 })
    const { value } = data as { value: string }
    const op = pve.as(`op@pve!tok=${value}`)
    await pve.api('PUT', '/cluster/options', { 'user-tag-access': 'user-allow=list,user-allow-list=web;db', 'registered-tags': 'gold' })
    const set = async (tags: string) => (await op.api('PUT', `${vm}/config`, { tags })).reason
    expect(await set('web')).toBe('OK')
    expect(await set('web;shop')).toBe("Permission check failed (/, Sys.Modify for modifying tag 'shop')")
    expect(await set('web;gold')).toBe("Permission check failed (/, Sys.Modify for modifying tag 'gold')")
    await put({ tags: 'gold;web' })
    expect(await set('web')).toBe("Permission check failed (/, Sys.Modify for modifying tag 'gold')")
    const later = await op.api('POST', `${vm}/config`, { tags: 'gold;web;x' })
    expect(await op.exitOf(later.data)).toBe("403 Permission check failed (/, Sys.Modify for modifying tag 'x')")
    expect((await op.api('GET', '/cluster/options')).data).toMatchObject({ 'allowed-tags': ['db', 'web'] })
  })

  it('a mapped device needs Mapping.Use on its mapping', async () => {
    await pve.api('POST', '/access/users', { userid: 'op@pve' })
    await pve.api('PUT', '/access/acl', { path: '/vms', users: 'op@pve', roles: 'PVEVMAdmin' })
    const { data } = await pve.api('POST', '/access/users/op@pve/token/tok', { privsep: 0 })
    const op = pve.as(`op@pve!tok=${(data as { value: string }).value}`)
    const set = async (params: Record<string, string>) => (await op.api('PUT', `${vm}/config`, params)).reason
    expect(await set({ usb0: 'mapping=stick' })).toBe('Permission check failed (/mapping/usb/stick, Mapping.Use)')
    expect(await set({ usb0: 'host=1234:5678' })).toBe("only root can set 'usb0' config for real devices")
    await pve.api('PUT', '/access/acl', { path: '/mapping/usb/stick', users: 'op@pve', roles: 'PVEMappingUser' })
    expect(await set({ usb0: 'mapping=stick' })).toBe('OK')
  })

  it('takes a file by multipart upload, and a guest can import it', async () => {
    const header = Buffer.alloc(4096)
    header.writeUInt32BE(0x51_46_49_fb, 0)
    header.writeBigUInt64BE(2n * 1024n ** 3n, 24)
    const send = async (content: string, name: string, more: Record<string, string> = {}, field = 'filename') => {
      const form = new FormData()
      for (const [key, value] of Object.entries({ content, ...more })) form.append(key, value)
      form.append(field, new File([header], name))
      const response = await fetch(`${pve.simulator.url}/api2/json/nodes/pve1/storage/local/upload`, {
        method: 'POST',
        body: form,
        headers: { Authorization: 'PVEAPIToken=root@pam!sim=sim' },
      })
      const text = await response.text()
      const body = (text.startsWith('{') ? JSON.parse(text) : {}) as { data?: string; errors?: unknown }
      return { ...body, status: response.status, reason: response.statusText }
    }
    expect(await pve.exitOf((await send('import', 'disk image.qcow2')).data)).toBe('OK')
    expect(await send('iso', 'x.iso', {}, 'file')).toMatchObject({
      status: 500,
      reason: "wrong field name 'file' for file upload, expected 'filename'",
    })
    expect(await send('iso', 'x.txt')).toMatchObject({ status: 400, errors: { filename: 'wrong file extension' } })
    const wrong = await send('import', 'b.qcow2', { 'checksum-algorithm': 'sha256', checksum: '00' })
    expect(await pve.exitOf(wrong.data)).toMatch(/^checksum mismatch: got '[0-9a-f]{64}' != expect '00'$/)
    const made = await pve.api('POST', '/nodes/pve1/qemu', { vmid: 101, scsi0: 'ceph:0,import-from=local:import/disk_image.qcow2' })
    expect(await pve.exitOf(made.data)).toBe('OK')
    expect((await pve.api('GET', '/nodes/pve1/qemu/101/config')).data).toMatchObject({ scsi0: 'ceph:vm-101-disk-0,size=2G' })
  })

  it('has firmware for UEFI guests', async () => {
    const made = await pve.api('POST', '/nodes/pve1/qemu', {
      vmid: 101,
      bios: 'ovmf',
      efidisk0: 'local-lvm:1,efitype=4m,pre-enrolled-keys=1',
    })
    expect(await pve.exitOf(made.data)).toBe('OK')
    expect((await pve.api('GET', '/nodes/pve1/qemu/101/config')).data).toMatchObject({
      efidisk0: 'local-lvm:vm-101-disk-0,efitype=4m,pre-enrolled-keys=1,size=4M',
    })
  })

  it('a token with rights through a pool alone makes and uses VMs in that pool', async () => {
    await pve.api('POST', '/access/users', { userid: 'op@pve' })
    const { data } = await pve.api('POST', '/access/users/op@pve/token/tok', { privsep: 0 })
    const op = pve.as(`op@pve!tok=${(data as { value: string }).value}`)
    await pve.api('POST', '/pools', { poolid: 'shop' })
    await pve.api('PUT', '/pools', { poolid: 'shop', storage: 'ceph' })
    await pve.api('PUT', '/access/acl', { path: '/pool/shop', users: 'op@pve', roles: 'PVEVMAdmin,PVEDatastoreUser' })
    const make = (params: Record<string, string | number>) =>
      op.api('POST', '/nodes/pve1/qemu', { vmid: 101, cores: 2, scsi0: 'ceph:1', start: 1, ...params })
    expect((await make({})).reason).toBe('Permission check failed (/vms/101, VM.PowerMgmt)')
    expect(await op.exitOf((await make({ pool: 'shop' })).data)).toBe('OK')
    expect(await op.api('PUT', '/nodes/pve1/qemu/101/config', { cores: 4 })).toMatchObject({ status: 200 })
    expect(((await op.api('GET', '/cluster/resources', { type: 'vm' })).data as Row[]).map(({ vmid }) => vmid)).toEqual([101])
  })
})

describe('a clone from block storage to a directory', () => {
  it('is raw unless qcow2 is asked for, and raw there means no snapshots', async () => {
    const nas = { storage: 'nas', type: 'nfs' as const, content: ['images'], size: '1TiB', properties: { path: '/mnt/pve/nas' } }
    const fast = { storage: 'fast', type: 'lvmthin' as const, size: '1TiB' }
    const template = { vmid: 9000, node: 'pve1', name: 'golden', storage: 'fast', disk: '1GiB' }
    const pve = await startDrill({ scenario: { storages: [nas, fast], templates: [template] } })
    try {
      const clone = async (newid: number, more: Row) => {
        const { data } = await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid, full: 1, storage: 'nas', ...(more as object) })
        expect(await pve.exitOf(data)).toBe('OK')
        const { data: upid } = await pve.api('POST', `/nodes/pve1/qemu/${newid}/snapshot`, { snapname: 's1' })
        const disk = (await pve.api('GET', `/nodes/pve1/qemu/${newid}/config`)).data as Row
        return [String(disk['scsi0']).split(',')[0], await pve.exitOf(upid)]
      }
      expect(await clone(200, {})).toEqual(['nas:200/vm-200-disk-0.raw', 'snapshot feature is not available'])
      expect(await clone(201, { format: 'qcow2' })).toEqual(['nas:201/vm-201-disk-0.qcow2', 'OK'])
    } finally {
      await pve.stop()
    }
  })
})
