import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

type Config = Record<string, string | number>

describe('a clone', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  const clone = (newid: number, more: Record<string, string | number> = {}, source = '/nodes/pve1/qemu/9000') =>
    pve.api('POST', `${source}/clone`, { newid, ...more })
  const config = async (vmid: number, node = 'pve1') => (await pve.api('GET', `/nodes/${node}/qemu/${vmid}/config`)).data as Config

  /** Polls until the target is there. */
  async function visible(vmid: number): Promise<Config> {
    for (;;) {
      const answer = await pve.api('GET', `/nodes/pve1/qemu/${vmid}/config`)
      if (answer.status === 200) return answer.data as Config
    }
  }

  it('shows its target with lock clone while the disk is copied, and takes no changes then', async () => {
    // The limit makes it two seconds: long enough to be met half way on a busy machine too.
    const { data: upid } = await clone(200, { full: 1, name: 'web', bwlimit: 50_000 })
    expect((await visible(200))['lock']).toBe('clone')
    expect((await pve.api('PUT', '/nodes/pve1/qemu/200/config', { cores: 2 })).reason).toBe('VM is locked (clone)')
    expect(await pve.exitOf(upid)).toBe('OK')
    expect(await config(200)).toMatchObject({ name: 'web', scsi0: 'local-lvm:vm-200-disk-0,discard=on,iothread=1,size=10G' })
    expect((await config(200))['lock']).toBeUndefined()
  })

  it('copies the options, and gives the copy an identity of its own', async () => {
    await pve.api('PUT', '/nodes/pve1/qemu/9000/config', {
      onboot: 1,
      protection: 1,
      tags: 'gold',
      ipconfig0: 'ip=10.0.0.1/24',
      description: 'golden',
    })
    await pve.exitOf((await clone(200)).data)
    const [source, copy] = [await config(9000), await config(200)]
    expect(copy).toMatchObject({
      onboot: 1,
      protection: 1,
      tags: 'gold',
      ipconfig0: 'ip=10.0.0.1/24',
      description: 'golden',
      name: 'Copy-of-VM-debian-13',
    })
    expect(copy['template']).toBeUndefined()
    for (const key of ['net0', 'smbios1', 'vmgenid']) expect(copy[key]).not.toBe(source[key])
  })

  it('takes the firewall file of its source with it', async () => {
    await pve.api('PUT', '/nodes/pve1/qemu/9000/firewall/options', { enable: 1 })
    await pve.exitOf((await clone(200)).data)
    expect((await pve.api('GET', '/nodes/pve1/qemu/200/firewall/options')).data).toMatchObject({ enable: 1 })
  })

  it('of a taken id on the same node is refused at once', async () => {
    expect((await clone(9000)).reason).toBe('unable to create VM 9000: config file already exists')
  })

  it('of an id taken on another node fails in the task and leaves the other VM alone', async () => {
    const before = await config(9001, 'pve2')
    expect(await pve.exitOf((await clone(9001)).data)).toBe(
      "close (rename) atomic file '/etc/pve/nodes/pve1/qemu-server/9001.conf' failed: File exists",
    )
    expect(await config(9001, 'pve2')).toEqual(before)
  })

  it('that races another for one id loses with the lock or with the file', async () => {
    const [a, b] = await Promise.all([clone(200, { full: 1 }), clone(200, { full: 1 })])
    const exits = await Promise.all([a, b].map(async (x) => (x.status === 200 ? pve.exitOf(x.data) : x.reason)))
    expect(exits.toSorted()[0]).toBe('OK')
    expect(exits.toSorted()[1]).toMatch(/got timeout|config file already exists/)
  })

  it('runs beside others of the same template', async () => {
    const upids = await Promise.all(Array.from({ length: 20 }, async (_, n) => (await clone(300 + n, { full: 0 })).data))
    expect(new Set(await Promise.all(upids.map((upid) => pve.exitOf(upid))))).toEqual(new Set(['OK']))
  })

  it('that is aborted leaves nothing', async () => {
    const { data: upid } = await clone(200, { full: 1, bwlimit: 10_000 })
    await visible(200)
    await pve.api('DELETE', `/nodes/pve1/tasks/${String(upid)}`)
    expect(await pve.exitOf(upid)).toBe('clone failed: unable to create image: interrupted by signal')
    expect(await pve.vmids()).not.toContain(200)
    expect([...pve.simulator.world.storage.ownedBy(200)]).toEqual([])
  })

  it('whose worker is killed leaves the lock and the id taken', async () => {
    const { data: upid } = await clone(200, { full: 1, bwlimit: 10_000 })
    await visible(200)
    pve.simulator.world.tasks.kill(String(upid))
    expect(await pve.exitOf(upid)).toBe('unexpected status')
    expect((await config(200))['lock']).toBe('clone')
    expect((await clone(200)).reason).toBe('unable to create VM 200: config file already exists')
    expect(await pve.exitOf((await pve.api('DELETE', '/nodes/pve1/qemu/200')).data)).toBe('VM is locked (clone)')
  })

  it('is linked only where the storage can, and only from a base', async () => {
    await pve.exitOf((await clone(200, { full: 1 })).data)
    expect((await clone(201, { full: 0 }, '/nodes/pve1/qemu/200')).reason).toBe(
      "Linked clone feature is not supported for 'local-lvm:vm-200-disk-0' (scsi0)",
    )
    expect((await clone(201, { full: 0, storage: 'ceph' })).reason).toBe("parameter 'storage' not allowed for linked clones")
  })

  it('goes to another node only from and to shared storage', async () => {
    expect((await clone(200, { target: 'pve2' })).reason).toBe("can't clone VM to node 'pve2' (VM uses local storage)")
    expect(await pve.exitOf((await clone(200, { target: 'pve2' }, '/nodes/pve1/qemu/9010')).data)).toBe('OK')
    expect((await config(200, 'pve2'))['scsi0']).toContain('ceph:')
  })

  it('keeps its template from being destroyed while it is linked', async () => {
    await pve.exitOf((await clone(200, { full: 0 }, '/nodes/pve1/qemu/9010')).data)
    const exit = await pve.exitOf((await pve.api('DELETE', '/nodes/pve1/qemu/9010')).data)
    expect(exit).toBe("base volume 'ceph:base-9010-disk-0' is still in use by linked cloned")
  })
})
