/** What PVE refuses beyond the schema, and how it says so (qemu-server, pve-manager, pve-storage, pve-firewall). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

type Row = Record<string, unknown>
type Params = Record<string, string | number>

describe('PVE refuses', () => {
  let pve: Drill
  let limited: Drill
  beforeAll(async () => {
    pve = await startDrill({ speed: 1000 })
  })
  beforeEach(async () => {
    pve.simulator.reset()
    const { access } = pve.simulator.world
    access.users.set('op@pve', { userid: 'op@pve', enable: true, password: undefined, expire: 0, details: {} })
    access.tokens.set('op@pve!t', { tokenid: 'op@pve!t', secret: 's', privsep: false, expire: 0 })
    access.roles.set('Op', ['VM.Allocate', 'VM.Audit', 'VM.Backup', 'VM.Config.Options', 'Datastore.AllocateSpace', 'Datastore.Audit'])
    for (const path of ['/vms', '/storage']) access.grant({ path, ugid: 'op@pve', type: 'user', roleid: 'Op', propagate: true })
    limited = pve.as('op@pve!t=s')
    await done(await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200, name: 'web' }))
  })
  afterAll(() => pve.stop())

  const exit = (answer: { data: unknown }) => pve.exitOf(answer.data)
  const done = async (answer: { data: unknown }) => expect(await exit(answer)).toBe('OK')
  const world = () => pve.simulator.world
  const dump = (params: Params = {}, drill = pve) => drill.api('POST', '/nodes/pve1/vzdump', { vmid: 200, storage: 'local', ...params })
  const nameOf = (second: number) => `vzdump-qemu-200-2026_01_01-00_00_0${second}.vma.zst`
  const put = (second: number) => pve.sim('POST', '/hook', { op: 'backup-file', args: [nameOf(second)] })
  const pathOf = (second: number) => `/nodes/pve1/storage/local/content/${encodeURIComponent(`local:backup/${nameOf(second)}`)}`
  const lastLog = () => world().tasks.onNode('pve1').at(-1)?.log.join('\n')
  const files = async () => {
    const { data } = await pve.api('GET', '/nodes/pve1/storage/local/content', { content: 'backup' })
    return (data as Row[]).map(({ volid }) => String(volid))
  }

  it('a backup of a locked guest in the log alone, the task ends with job errors', async () => {
    await pve.sim('POST', '/hook', { op: 'lock', args: [200, 'migrate'] })
    expect(await exit(await dump())).toBe('job errors')
    expect(lastLog()).toContain('ERROR: Backup of VM 200 failed - VM is locked (migrate)')
  })

  it('a backup above the retention of its storage where nothing is to be removed for it', async () => {
    Object.assign(world().storage.definitions.get('local')?.properties ?? {}, { 'prune-backups': 'keep-last=1,keep-daily=1' })
    await put(1)
    await done(await dump({ remove: 0 }))
    expect(await exit(await dump({ remove: 0 }))).toBe('job errors')
    expect(lastLog()).toContain('failed - There is a max backup limit of 2 enforced by the target storage or the vzdump parameters.')
    await done(await dump())
  })

  it('a sixth protected backup of a guest, unless the caller may allocate on the storage', async () => {
    for (let n = 0; n < 4; n++) {
      await put(n)
      expect((await limited.api('PUT', pathOf(n), { protected: 1 })).status).toBe(200)
    }
    await done(await dump({ protected: 1 }, limited))
    const words = "The number of protected backups per guest is limited to 5 on storage 'local'"
    expect(await exit(await dump({ protected: 1 }, limited))).toBe('job errors')
    expect(lastLog()).toContain(words)
    await put(5)
    expect(await limited.api('PUT', pathOf(5), { protected: 1 })).toMatchObject({ status: 500, reason: words })
    expect((await pve.api('PUT', pathOf(5), { protected: 1 })).status).toBe(200)
  })

  it('notes with an escape or a variable that it does not know', async () => {
    expect((await dump({ 'notes-template': String.raw`C:\dir {{guestname}} {{name}}` })).errors).toEqual({
      'notes-template': String.raw`found unknown: escape sequence '\d' at char 2, variable 'name' at char 25` + '\n',
    })
  })

  it('a restore from the backup of a guest that the caller may not back up, and to a bridge that it may not use', async () => {
    await done(await dump())
    const [archive = ''] = await files()
    const restore = (vmid: number) => limited.api('POST', '/nodes/pve1/qemu', { vmid, archive, storage: 'local-lvm' })
    expect(await exit(await restore(300))).toContain('Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)')
    world().access.grant({ path: '/vms/200', ugid: 'op@pve', type: 'user', roleid: 'PVEAuditor', propagate: true })
    expect(await restore(301)).toMatchObject({ status: 403, reason: 'Permission check failed (/vms/200, VM.Backup)' })
    const extract = await limited.api('GET', '/nodes/pve1/vzdump/extractconfig', { volume: archive })
    expect(extract).toMatchObject({ status: 403, reason: 'Permission check failed (/vms/200, VM.Backup)' })
  })

  it('to look for unreferenced disks while a storage is off, when those of the config are gone already', async () => {
    await pve.sim('POST', '/faults', { id: 'off', storage: { name: 'ceph', state: 'off' } })
    const destroy = (params: Params) => pve.api('DELETE', '/nodes/pve1/qemu/200', params)
    expect(await exit(await destroy({ 'destroy-unreferenced-disks': 1 }))).toBe("storage 'ceph' is not online")
    expect(world().guests.get(200)?.config.get('name')).toBe('web')
    expect(world().storage.ownedBy(200)).toEqual([])
    await done(await destroy({}))
  })

  it('to list a storage that is disabled', async () => {
    const storages = async () => {
      const { data } = await pve.api('GET', '/cluster/resources')
      return (data as Row[]).filter(({ type }) => type === 'storage').map(({ storage }) => storage)
    }
    expect(await storages()).toContain('ceph')
    Object.assign(world().storage.definitions.get('ceph') ?? {}, { disabled: true })
    expect(await storages()).not.toContain('ceph')
  })

  it('a rollback on ZFS to any snapshot but the last one, and stops nothing for it', async () => {
    world().storage.define({ storage: 'tank', type: 'zfspool', content: ['images'], sizeBytes: 1024 ** 4 })
    await done(await pve.api('POST', '/nodes/pve1/qemu/200/config', { scsi5: 'tank:1' }))
    for (const snapname of ['first', 'second']) {
      await done(await pve.api('POST', '/nodes/pve1/qemu/200/snapshot', { snapname }))
    }
    await done(await pve.api('POST', '/nodes/pve1/qemu/200/status/start'))
    const back = await exit(await pve.api('POST', '/nodes/pve1/qemu/200/snapshot/first/rollback'))
    expect(back).toMatch(/^can't rollback, 'first' is not most recent snapshot on 'tank:vm-200-disk-\d'$/)
    expect(world().guests.get(200)).toMatchObject({ isRunning: true, lock: undefined })
  })

  it('to move local disks with snapshots, or to a node that lacks a storage', async () => {
    await done(await pve.api('POST', '/nodes/pve1/qemu/200/snapshot', { snapname: 'first' }))
    const move = () => pve.api('POST', '/nodes/pve1/qemu/200/migrate', { target: 'pve2', 'with-local-disks': 1 })
    expect(await exit(await move())).toBe("Problem found while scanning volumes - can't migrate VM - check log")
    expect(lastLog()).toMatch(/WARN: can't migrate local disk 'local-lvm:vm-200-disk-\d': non-migratable snapshot exists/)
    Object.assign(world().storage.definitions.get('local-lvm') ?? {}, { nodes: ['pve1'] })
    expect((await move()).reason).toBe("storage 'local-lvm' is not available on node 'pve2'")
  })

  it('to write a firewall without quorum', async () => {
    world().quorate = false
    const put = await pve.api('PUT', '/nodes/pve1/qemu/200/firewall/options', { enable: 1 })
    expect(put).toMatchObject({ status: 500, reason: "cfs-lock 'firewall-vm-200' error: no quorum!" })
  })
})
