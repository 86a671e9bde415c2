import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

type Row = Record<string, unknown>

const vm = '/nodes/pve1/qemu/200'

describe('a restored backup', () => {
  let pve: Drill
  let archive: string

  beforeAll(async () => {
    pve = await startDrill({ speed: 100 })
  })
  beforeEach(async () => {
    pve.simulator.reset()
    const params = {
      vmid: 200,
      name: 'web',
      memory: 1024,
      scsi0: 'local-lvm:4',
      scsi1: 'local-lvm:2,backup=0',
      net0: 'virtio,bridge=vmbr0',
    }
    await done(await pve.api('POST', '/nodes/pve1/qemu', params))
    await pve.api('PUT', `${vm}/firewall/options`, { enable: 1 })
    await done(await pve.api('POST', '/nodes/pve1/vzdump', { vmid: 200, storage: 'local' }))
    const { data } = await pve.api('GET', '/nodes/pve1/storage/local/content', { content: 'backup' })
    archive = String((data as Row[])[0]?.['volid'])
  })
  afterAll(() => pve.stop())

  const exit = (answer: { data: unknown }) => pve.exitOf(answer.data)
  const done = async (answer: { data: unknown }) => expect(await exit(answer)).toBe('OK')
  const restore = (vmid: number, params: Row = {}) =>
    pve.api('POST', '/nodes/pve1/qemu', { vmid, archive, ...(params as Record<string, string | number>) })
  const config = async (vmid: number) => (await pve.api('GET', `/nodes/pve1/qemu/${vmid}/config`)).data as Record<string, string>
  const volumes = (vmid: number) =>
    pve.simulator.world.storage
      .ownedBy(vmid)
      .filter(({ content }) => content === 'images')
      .map(({ name }) => name)
      .toSorted()

  it('is a new VM with the old MACs, or with its own where unique asks for them', async () => {
    await done(await restore(300))
    await done(await restore(301, { unique: 1, name: 'other' }))
    const [old, same, unique] = [await config(200), await config(300), await config(301)]
    expect(same).toMatchObject({ name: 'web', net0: old['net0'], smbios1: old['smbios1'], scsi0: 'local-lvm:vm-300-disk-0,size=4G' })
    expect(same['vmgenid']).not.toBe(old['vmgenid'])
    expect(unique).toMatchObject({ name: 'other' })
    expect(unique['net0']).not.toBe(old['net0'])
    expect(unique['smbios1']).not.toBe(old['smbios1'])
    expect(pve.simulator.world.firewall.get(300)?.options).toMatchObject({ enable: 1 })
  })

  it('leaves out disks with backup=0: they are a line of the description, and unused where the VM was there', async () => {
    expect((await config(200))['scsi1']).toBeDefined()
    await done(await restore(200, { force: 1 }))
    const now = await config(200)
    expect(now['scsi1']).toBeUndefined()
    expect(now['description']).toContain('scsi1: local-lvm:vm-200-disk-1')
    expect(now['unused0']).toBe('local-lvm:vm-200-disk-1')
  })

  it('takes the place of a VM only with force, and never that of a running, locked or protected one', async () => {
    expect((await restore(200)).reason).toBe("unable to restore VM 200 - VM 200 already exists on node 'pve1'")
    await pve.sim('POST', '/hook', { op: 'lock', args: [200, 'backup'] })
    expect((await restore(200, { force: 1 })).reason).toBe('unable to restore VM 200 - VM is locked (backup)')
    await pve.sim('POST', '/hook', { op: 'unlock', args: [200] })
    await pve.api('PUT', `${vm}/config`, { protection: 1 })
    expect(await exit(await restore(200, { force: 1 }))).toBe('unable to restore VM 200 - - protection mode enabled')
    await pve.api('PUT', `${vm}/config`, { protection: 0 })
    await done(await pve.api('POST', `${vm}/status/start`))
    expect(await exit(await restore(200, { force: 1 }))).toBe('unable to restore VM 200 - vm is running')
    expect((await config(200))['name']).toBe('web')
  })

  it('frees the old disks before it reads the data: when that fails, the VM has neither', async () => {
    await pve.sim('POST', '/faults', { route: 'POST /nodes/{node}/qemu', task: { exitstatus: 'vma: corrupt', before: true } })
    expect(await exit(await restore(200, { force: 1 }))).toBe('vma: corrupt')
    expect(await config(200)).toMatchObject({ memory: '128' })
    expect(volumes(200)).toEqual(['vm-200-disk-1'])
    await pve.sim('POST', '/faults', { route: 'POST /nodes/{node}/qemu', task: { exitstatus: 'vma: corrupt', before: true } })
    expect(await exit(await restore(300))).toBe('vma: corrupt')
    // An empty guest stays; only force takes its place.
    expect(await config(300)).toEqual({ digest: expect.any(String), memory: '128' })
    expect((await restore(300)).reason).toBe("unable to restore VM 300 - VM 300 already exists on node 'pve1'")
    await done(await restore(300, { force: 1 }))
    expect(await config(300)).toMatchObject({ name: 'web' })
  })

  it('killed in the middle, leaves an empty guest and the volumes it had made', async () => {
    await pve.sim('POST', '/faults', { route: 'POST /nodes/{node}/qemu', task: { kill: true } })
    expect(await exit(await restore(200, { force: 1 }))).toBe('unexpected status')
    expect(await config(200)).toEqual({ digest: expect.any(String), memory: '128' })
    expect(volumes(200)).toEqual(['vm-200-disk-0', 'vm-200-disk-1'])
    await done(await restore(200, { force: 1 }))
    expect(volumes(200)).toEqual(['vm-200-disk-0', 'vm-200-disk-1', 'vm-200-disk-2'])
  })

  it('touches nothing when the file is no archive', async () => {
    await pve.sim('POST', '/hook', { op: 'backup-file', args: ['vzdump-qemu-200-2026_01_31-02_00_00.vma.zst'] })
    archive = 'local:backup/vzdump-qemu-200-2026_01_31-02_00_00.vma.zst'
    expect(await exit(await restore(200, { force: 1 }))).toMatch(/vma extract .* failed: exit code 1$/)
    expect(await config(200)).toMatchObject({ name: 'web' })
    expect(volumes(200)).toEqual(['vm-200-disk-0', 'vm-200-disk-1'])
  })

  it('holds lock create on its VMID from the answer on', async () => {
    await pve.sim('POST', '/faults', { route: 'POST /nodes/{node}/qemu', beginAfterMs: 200_000 })
    const { data } = await restore(300)
    expect((await pve.sim('GET', '/vms')).body['vms']).toContainEqual(expect.objectContaining({ vmid: 300, lock: 'create' }))
    await done({ data })
  })

  it('shows its configuration by extractconfig', async () => {
    const { data } = await pve.api('GET', '/nodes/pve1/vzdump/extractconfig', { volume: archive })
    expect(data).toContain('name: web\n')
    expect(data).toContain('#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:\n')
  })
})
