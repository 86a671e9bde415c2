import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { HeldBegin } from '../support/held-begin.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('what a VM is cloned from', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const clonesSent = () => world.requests().filter((line) => line.endsWith('/clone'))

  it.each([
    ['name', { name: 'debian-13' }, [9000, 9001, 9002], 'local-lvm'],
    ['vmid', { vmid: 9001 }, [9001], 'local-lvm'],
    ['tag', { tag: 'ubuntu-24.04' }, [9010], 'ceph'],
  ])('is a template chosen by %s, copied in full', async (by, template, sources, storage) => {
    await world.apply(`by-${by}`, { template })
    const vm = await world.untilReady(`by-${by}`)
    expect(sources).toContain(vm.status?.template?.vmid)
    expect(world.guestOf(vm).config.get('scsi0')).toMatch(new RegExp(`^${storage}:vm-${vm.status?.vmid}-disk-0,`))
  })

  it('is copied to qcow2 on a storage of files, where a raw disk would have no snapshots, as soon as the storage allows disks', async () => {
    await world.apply('on-files', { template: { name: 'debian-13', storage: 'local' } })
    await world.untilCondition('on-files', 'Ready', 'False', 'StorageNotFound')
    await world.inPve('PUT', '/storage/local', { content: 'backup,images,iso,snippets' })
    const vm = await world.untilReady('on-files')
    expect(world.guestOf(vm).config.get('scsi0')).toMatch(new RegExp(`^local:${vm.status?.vmid}/vm-${vm.status?.vmid}-disk-0\\.qcow2,`))
    await world.inPve('POST', `${world.pathOf(vm)}/snapshot`, { snapname: 'before' })
    await until('the snapshot is there', () => world.guestOf(vm).snapshots.has('before'))
  })

  it('is shared by a linked clone, which needs no slot', async () => {
    await world.apply('linked', { template: { name: 'debian-13', clone: 'Linked' } })
    const vm = await world.untilReady('linked')
    const disk = world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0).find(({ name }) => name.endsWith('disk-0'))
    expect(disk?.parent).toBe(`base-${vm.status?.template?.vmid}-disk-0`)
  })

  it('must be there, and is taken as soon as it is', async () => {
    await world.apply('unknown', { template: { name: 'windows-3.11' } })
    await world.untilCondition('unknown', 'Ready', 'False', 'TemplateNotFound')
    expect(world.condition(await world.vm('unknown'), 'Stalled')?.status).toBe('True')
    await world.inPve('POST', '/nodes/pve2/qemu/9001/clone', { newid: 9100, name: 'windows-3.11', full: 1 })
    await world.inPve('POST', '/nodes/pve2/qemu/9100/template')
    await world.untilReady('unknown')
  })

  it('must have the template flag, whatever its name and tags say', async () => {
    const vm = await world.vm('by-vmid')
    await world.inPve('PUT', `${world.pathOf(vm as never)}/config`, { tags: 'pve-operator;golden' })
    world.simulator.requests.reset()
    await world.apply('flagless', { template: { vmid: vm?.status?.vmid } })
    await world.apply('tagged', { template: { tag: 'golden' } })
    await world.untilCondition('flagless', 'Ready', 'False', 'TemplateNotTemplate')
    const { reason } =
      world.condition(
        await until('tagged is judged', async () => {
          const tagged = await world.vm('tagged')
          return world.condition(tagged, 'Stalled') && tagged
        }),
        'Ready',
      ) ?? {}
    expect(['TemplateNotFound', 'TemplateNotTemplate']).toContain(reason)
    expect(clonesSent()).toEqual([])
  })

  it('must have a cloud-init drive if cloud-init is wanted, and is taken once it has one', async () => {
    const template = world.simulator.world.guests.get(9010)
    const drive = template?.config.get('ide2') ?? ''
    template?.config.delete('ide2')
    world.clock.skip(61_000)
    await world.apply('no-drive', { template: { tag: 'ubuntu-24.04' }, cloudInit: { user: 'admin' } })
    const vm = await world.untilCondition('no-drive', 'Ready', 'False', 'NoCloudInitDrive')
    expect(world.condition(vm, 'Ready')?.message).toContain('qm set 9010')
    template?.config.set('ide2', drive)
    world.clock.skip(301_000)
    await world.untilReady('no-drive')
  })

  it('must have a cloud-init drive if an address comes from a pool, and a drive that is taken away is told', async () => {
    const template = world.simulator.world.guests.get(9010)
    const drive = template?.config.get('ide2') ?? ''
    template?.config.delete('ide2')
    world.clock.skip(61_000)
    const pool = await world.pool({ ranges: ['203.0.113.10-203.0.113.19'], prefixLength: 24, gateway: '203.0.113.1' })
    await world.apply('address-only', { template: { tag: 'ubuntu-24.04' }, addresses: [{ name: 'main', poolRef: { name: pool } }] })
    const refused = await world.untilCondition('address-only', 'Ready', 'False', 'NoCloudInitDrive')
    expect(refused.status?.vmid).toBeUndefined()
    expect(world.condition(refused, 'Ready')?.message).toContain('the guest gets its address 203.0.113.10 only through that drive')
    template?.config.set('ide2', drive)
    world.clock.skip(301_000)
    const vm = await world.untilReady('address-only')
    expect(world.condition(vm, 'CloudInitConfigured')?.status).toBe('True')

    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { delete: 'ide2' })
    await world.edit('address-only', { metadata: { annotations: { 'pve.hosting/look': 'drive' } } })
    const told = await world.untilCondition('address-only', 'CloudInitConfigured', 'False', 'NoCloudInitDrive')
    expect(world.condition(told, 'CloudInitConfigured')?.message).toContain(`qm set ${told.status?.vmid} --ide2`)
  })

  it('must fit into the storage; when there is room the VM is made', async () => {
    await world.apply('huge', { package: { ...small, systemDisk: { size: '3Ti' } } })
    const vm = await world.untilCondition('huge', 'Ready', 'False', 'NoCapacity')
    const { message } = world.condition(vm, 'Ready') ?? {}
    expect(message).toMatch(/^No node has room for 3072 GiB on storage local-lvm: pve\d \d/)
    for (const node of ['pve1', 'pve2', 'pve3']) expect(message).toContain(`${node} `)
    expect(vm.status?.vmid).toBeUndefined()
    await world.edit('huge', { spec: { package: { systemDisk: { size: '12Gi' } } } })
    await world.untilReady('huge')
  })

  it('is asked for again when the clone failed for a cause that passes', async () => {
    world.simulator.faults.add(
      [{ id: 'once', route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { exitstatus: 'got timeout', before: true } }],
      [],
    )
    await world.apply('second-try')
    const vm = await world.untilReady('second-try')
    expect(world.guestOf(vm).isRunning).toBe(true)
  })

  it('is placed on the node that is asked for', async () => {
    await world.apply('placed', { placement: { node: 'pve3' } })
    expect((await world.untilReady('placed')).status?.node).toBe('pve3')
  })

  describe('a VMID that a foreign VM has', () => {
    const stranger = async (vmid: number) => await world.inPve('POST', '/nodes/pve2/qemu', { vmid, name: 'stranger', memory: 512 })
    const isUntouched = (vmid: number) => [...(world.simulator.world.guests.get(vmid)?.config ?? [])].find(([key]) => key === 'description')

    it('is passed over', async () => {
      const next = Math.max(...world.guests().map((guest) => guest.vmid)) + 1
      for (const vmid of [next, next + 1, next + 2]) await stranger(vmid)
      await world.apply('elsewhere')
      const vm = await world.untilReady('elsewhere')
      expect([next, next + 1, next + 2]).not.toContain(vm.status?.vmid)
      expect(isUntouched(next)).toBeUndefined()
    })

    it('is given up when the stranger comes between the choice and the clone', async () => {
      const clone = 'POST /nodes/{node}/qemu/{vmid}/clone'
      let chosen = 0
      const plan = world.simulator.faults.plan.bind(world.simulator.faults)
      world.simulator.faults.plan = (info) => {
        if (`${info.method} ${info.template}` === clone && chosen === 0) {
          chosen = Number(info.params['newid'])
          world.addGuest(chosen, String(info.params['node']))
        }
        return plan(info)
      }
      await world.apply('late')
      const vm = await world.untilReady('late')
      expect(vm.status?.vmid).not.toBe(chosen)
      expect(isUntouched(chosen)).toBeUndefined()
      world.simulator.faults.plan = plan
    })

    it('stops a VM that pins it, and is never adopted', async () => {
      await stranger(15_000)
      await world.apply('pinned', { vmid: 15_000 })
      const vm = await world.untilCondition('pinned', 'Ready', 'False', 'VMIDTaken')
      expect(world.condition(vm, 'Stalled')).toMatchObject({ status: 'True', reason: 'VMIDTaken' })
      await world.delete('pinned')
      await world.untilGone('pinned')
      expect(world.simulator.world.guests.get(15_000)?.config.get('name')).toBe('stranger')
    })
  })
})

const small = { cpu: { cores: 1 }, memory: { size: '1Gi' }, network: { bridge: 'vmbr0' } }

describe('a VM in the line for clones', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20, limits: { limits: { requests: 8, fullClonesPerNode: 1 } } })
  })
  afterAll(async () => await world.stop())

  it('holds up nobody when it is paused there', async () => {
    const spec = { template: { vmid: 9000 } }
    const slot = new HeldBegin(world.simulator)
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/clone', beginAfterMs: slot.ms }], [])
    await world.apply('first', spec)
    await until('the first is being cloned', async () => (await world.vm('first'))?.status?.step?.upid)
    await world.apply('second', spec)
    await world.untilCondition('second', 'Ready', 'False', 'Queued')
    await world.apply('third', spec)
    await world.untilCondition('third', 'Ready', 'False', 'Queued')
    await world.edit('second', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
    await world.untilCondition('second', 'Paused', 'True')
    slot.begin()

    await world.untilReady('third')
    expect((await world.vm('second'))?.status?.clonedAt).toBeUndefined()
  })
})
