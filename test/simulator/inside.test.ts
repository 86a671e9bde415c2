import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

interface GuestPart {
  hostname: string
  addresses: string[]
  user: string | null
  bootedAt: number
  processSince: number
  cpus: number
}

const vm = '/nodes/pve1/qemu/200'

describe('a guest is not its config', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill({ speed: 40 })
  })
  beforeEach(async () => {
    pve.simulator.reset()
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/9010/clone', { newid: 200, name: 'web' })).data)
    await set({ ipconfig0: 'ip=10.0.0.5/24,gw=10.0.0.1', ciuser: 'ann' })
    await power('start')
  })
  afterAll(() => pve.stop())

  const set = async (params: Record<string, string | number>) => expect((await pve.api('PUT', `${vm}/config`, params)).status).toBe(200)
  const power = async (name: string, params: Record<string, string | number> = {}, node = 'pve1') =>
    expect(await pve.exitOf((await pve.api('POST', `/nodes/${node}/qemu/200/status/${name}`, params)).data)).toBe('OK')
  const inside = async (): Promise<GuestPart> => {
    const { body } = await pve.sim('GET', '/vms')
    return (body['vms'] as { vmid: number; guest: GuestPart }[]).find(({ vmid }) => vmid === 200)?.guest as GuestPart
  }
  const rename = () => set({ ipconfig0: 'ip=10.0.0.9/24,gw=10.0.0.1', name: 'other', ciuser: 'bob', cores: 4 })
  const asBefore = { hostname: 'web', addresses: ['10.0.0.5/24'], user: 'ann', cpus: 1 }
  const asWanted = { hostname: 'other', addresses: ['10.0.0.9/24'], user: 'bob', cpus: 4 }
  const stale = async (node = 'pve1') =>
    ((await pve.api('GET', `/nodes/${node}/qemu/200/cloudinit`)).data as Record<string, unknown>[]).find(({ key }) => key === 'ciuser')

  it('keeps address, host name and user until it starts from off', async () => {
    expect(await inside()).toMatchObject(asBefore)
    await rename()
    expect(await inside()).toMatchObject(asBefore)
    await power('stop')
    expect(await inside()).toBeNull()
    await power('start')
    expect(await inside()).toMatchObject(asWanted)
  })

  it('tells through its agent what it booted with', async () => {
    await rename()
    while ((await pve.api('POST', `${vm}/agent/ping`)).status !== 200);
    const nets = JSON.stringify((await pve.api('GET', `${vm}/agent/network-get-interfaces`)).data)
    expect(nets).toContain('10.0.0.5')
    expect(nets).not.toContain('10.0.0.9')
    expect((await pve.api('GET', `${vm}/agent/get-host-name`)).data).toEqual({ result: { 'host-name': 'web' } })
  })

  it('reads the drive again at a reset, and the drive is new only after PUT cloudinit', async () => {
    await rename()
    await power('reset')
    expect(await inside()).toMatchObject(asBefore)
    expect((await pve.api('PUT', `${vm}/cloudinit`)).status).toBe(200)
    expect(await inside()).toMatchObject(asBefore)
    await power('reset')
    expect(await inside()).toMatchObject({ ...asWanted, cpus: 1 })
  })

  it('goes on over an online migration, with its drive, in a process whose uptime is new', async () => {
    await rename()
    const before = await inside()
    const { data } = await pve.api('POST', `${vm}/migrate`, { target: 'pve2', online: 1 })
    expect(await pve.exitOf(data)).toBe('OK')
    const after = await inside()
    expect(after).toMatchObject({ ...asBefore, bootedAt: before.bootedAt })
    expect(after.processSince).toBeGreaterThan(before.processSince)
    expect(await stale('pve2')).toMatchObject({ value: 'ann', pending: 'bob' })
  })

  it('goes on after hibernation, with its drive', async () => {
    await rename()
    const before = await inside()
    await power('suspend', { todisk: 1 })
    expect(await inside()).toBeNull()
    await power('start')
    expect(await inside()).toMatchObject({ ...asBefore, bootedAt: before.bootedAt })
    expect(await stale()).toMatchObject({ value: 'ann', pending: 'bob' })
  })

  it('resumes from a snapshot with RAM as it was then, and boots after one without', async () => {
    const before = await inside()
    const snapshot = async (snapname: string, vmstate: number) =>
      expect(await pve.exitOf((await pve.api('POST', `${vm}/snapshot`, { snapname, vmstate })).data)).toBe('OK')
    const rollback = async (name: string) =>
      expect(await pve.exitOf((await pve.api('POST', `${vm}/snapshot/${name}/rollback`)).data)).toBe('OK')
    await snapshot('ram', 1)
    await snapshot('disks', 0)
    await rename()
    await power('stop')
    await power('start')
    await rollback('ram')
    expect(await inside()).toMatchObject({ ...asBefore, bootedAt: before.bootedAt })
    await rollback('disks')
    expect(await inside()).toBeNull()
  })
})
