import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

type Config = Record<string, string | number>
type Pending = { key: string; value?: string | number; pending?: string | number; delete?: number }

const vm = '/nodes/pve1/qemu/100'

describe('a config change', () => {
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
      scsi0: 'local-lvm:4',
      ide2: 'local-lvm:cloudinit',
      net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0',
    })
    await pve.exitOf(data)
  })
  afterAll(() => pve.stop())

  const put = (params: Record<string, string | number>) => pve.api('PUT', `${vm}/config`, params)
  const config = async (current = 0) => (await pve.api('GET', `${vm}/config`, { current })).data as Config
  const pending = async () =>
    ((await pve.api('GET', `${vm}/pending`)).data as Pending[]).filter((p) => p.pending !== undefined || p.delete !== undefined)
  const power = async (call: string, params = {}) => pve.exitOf((await pve.api('POST', `${vm}/status/${call}`, params)).data)

  it('of a stopped VM is applied at once', async () => {
    await put({ cores: 4, memory: 2048 })
    expect(await config(1)).toMatchObject({ cores: 4, memory: '2048' })
    expect(await pending()).toEqual([])
  })

  it('of a running VM stays pending where QEMU cannot take it, and is applied by the next stop', async () => {
    await power('start')
    await put({ cores: 4, name: 'two' })
    expect(await pending()).toEqual([{ key: 'cores', pending: 4 }].map((p) => expect.objectContaining(p)))
    expect(await config()).toMatchObject({ cores: 4, name: 'two' })
    expect((await config(1))['cores']).toBeUndefined()
    expect((await config(1))['name']).toBe('two')
    await power('stop')
    expect(await pending()).toEqual([])
    expect((await config(1))['cores']).toBe(4)
  })

  it('back to the present value, or reverted, is not pending any more', async () => {
    await put({ cores: 2 })
    await power('start')
    await put({ cores: 4, sockets: 2 })
    await put({ cores: 2 })
    await put({ revert: 'sockets' })
    expect(await pending()).toEqual([])
  })

  it('of a NIC is live unless its MAC, model, queues or MTU change', async () => {
    await power('start')
    await put({ net0: 'virtio=02:00:00:00:00:01,bridge=vmbr1,tag=5,rate=10' })
    expect((await config(1))['net0']).toBe('virtio=02:00:00:00:00:01,bridge=vmbr1,rate=10,tag=5')
    await put({ hotplug: 'disk' })
    await put({ net0: 'virtio=02:00:00:00:00:02,bridge=vmbr1' })
    expect(await pending()).toContainEqual(expect.objectContaining({ key: 'net0' }))
  })

  it('of throttle limits is live, of discard or cache it is not', async () => {
    await power('start')
    await put({ scsi0: 'local-lvm:vm-100-disk-0,mbps_rd=50' })
    expect((await config(1))['scsi0']).toBe('local-lvm:vm-100-disk-0,mbps_rd=50,size=4G')
    await put({ scsi0: 'local-lvm:vm-100-disk-0,mbps_rd=50,discard=on' })
    expect((await pending()).map((p) => p.key)).toEqual(['scsi0'])
  })

  it('cannot unplug the disk it boots from', async () => {
    await power('start')
    expect((await put({ delete: 'scsi0' })).errors).toEqual({ scsi0: "hotplug problem - can't unplug bootdisk 'scsi0'\n" })
  })

  it('with an old digest is refused, and every write makes a new one', async () => {
    const { digest } = await config()
    expect((await put({ cores: 2, digest: String(digest) })).status).toBe(200)
    expect((await put({ cores: 3, digest: String(digest) })).reason).toBe('checksum mismatch (file change by other user?)')
    expect((await config())['digest']).not.toBe(digest)
  })

  it('that allocates a disk twice on one key keeps the first as unused', async () => {
    await put({ scsi1: 'local-lvm:1' })
    await put({ scsi1: 'local-lvm:1' })
    expect(await config()).toMatchObject({ scsi1: 'local-lvm:vm-100-disk-2,size=1G', unused0: 'local-lvm:vm-100-disk-1' })
    await put({ scsi2: 'local-lvm:vm-100-disk-1' })
    expect((await config())['unused0']).toBeUndefined()
  })

  it('removes a disk in two steps, or in one by force', async () => {
    await put({ scsi1: 'local-lvm:1' })
    await put({ delete: 'scsi1' })
    expect((await config())['unused0']).toBe('local-lvm:vm-100-disk-1')
    await put({ delete: 'unused0' })
    await put({ scsi1: 'local-lvm:1' })
    await put({ delete: 'scsi1', force: 1 })
    expect(
      pve.simulator.world.storage
        .ownedBy(100)
        .map((v) => v.name)
        .toSorted(),
    ).toEqual(['vm-100-cloudinit', 'vm-100-disk-0'])
  })

  it('writes drives, NICs and tags in one fixed form', async () => {
    await put({
      scsi0: 'local-lvm:vm-100-disk-0,ssd=1,discard=on,mbps_rd=50',
      net1: 'bridge=vmbr0,model=virtio,firewall=on',
      tags: 'B,a;b',
    })
    const now = await config()
    expect(now['scsi0']).toBe('local-lvm:vm-100-disk-0,discard=on,mbps_rd=50,size=4G,ssd=1')
    expect(now['net1']).toMatch(/^virtio=BC:24:11:[0-9A-F:]{8},bridge=vmbr0,firewall=1$/)
    expect(now['tags']).toBe('a;b')
  })

  it('refuses drive options that exclude each other', async () => {
    for (const options of ['mbps=1,mbps_rd=1', 'mbps_rd_max=5', 'iops=1,iops_wr=1'])
      expect((await put({ scsi0: `local-lvm:vm-100-disk-0,${options}` })).errors).toEqual({ scsi0: 'unable to parse drive options' })
  })

  it('takes SSH keys only encoded twice', async () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILjAXrJr2dMG53WYXyCRWucCooU0NSrlDzlqi4EpYTYN me@there'
    expect((await put({ sshkeys: key })).errors?.['sshkeys']).toMatch(/^invalid format - invalid urlencoded string/)
    expect((await put({ sshkeys: encodeURIComponent(key) })).status).toBe(200)
    expect((await put({ sshkeys: 'nonsense' })).reason).toBe('SSH public key validation error')
  })

  it('of cloud-init on a running VM leaves the drive stale until it is made anew', async () => {
    await put({ ciuser: 'a' })
    await power('start')
    await put({ ciuser: 'b' })
    expect(await pending()).toEqual([])
    const view = async () => (await pve.api('GET', `${vm}/cloudinit`)).data as Pending[]
    expect(await view()).toContainEqual({ key: 'ciuser', value: 'a', pending: 'b' })
    await pve.api('PUT', `${vm}/cloudinit`)
    expect(await view()).toContainEqual({ key: 'ciuser', value: 'b' })
  })

  it('by POST is a task that says at once what it can, and waits for background_delay', async () => {
    expect((await pve.api('POST', `${vm}/config`, { cores: 0 })).status).toBe(400)
    expect((await pve.api('POST', `${vm}/config`, { cores: 2, background_delay: 5 })).data).toBeNull()
    const missing = await pve.api('POST', `${vm}/config`, { scsi3: 'local-lvm:vm-100-disk-9', background_delay: 5 })
    expect(missing.reason).toBe("failed to update VM 100: volume 'local-lvm:vm-100-disk-9' does not exist")
  })

  it('waits for the file lock that a shutdown holds', async () => {
    pve.simulator.world.spec.durations.guestsObeyShutdown = false
    await power('start')
    const { data } = await pve.api('POST', `${vm}/status/shutdown`, { timeout: 30 })
    for (;;)
      if (pve.simulator.world.flocks.isHeld('/var/lock/qemu-server/lock-100.conf')) break
      else await new Promise((resolve) => setImmediate(resolve))
    expect((await put({ cores: 2 })).reason).toBe("can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout")
    await pve.api('DELETE', `/nodes/pve1/tasks/${String(data)}`)
    expect(await pve.exitOf(data)).toBe('received interrupt')
  })

  it('of a size only grows it, and the task says why not', async () => {
    const resize = async (size: string) => pve.exitOf((await pve.api('PUT', `${vm}/resize`, { disk: 'scsi0', size })).data)
    expect(await resize('5G')).toBe('OK')
    expect(await resize('5G')).toBe('OK')
    expect(await resize('+1G')).toBe('OK')
    expect(await resize('4G')).toBe('shrinking disks is not supported')
    expect((await config())['scsi0']).toContain('size=6G')
  })
})
