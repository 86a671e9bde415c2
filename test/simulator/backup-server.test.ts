/** vzdump to a backup server and to a directory, as PVE names, logs and lists it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { asAdmin } from '../support/pve-gate.ts'

describe('vzdump', () => {
  let sim: Simulator
  beforeAll(async () => {
    sim = await startSimulator({ speed: 100 })
    sim.world.storage.define({ storage: 'pbs', type: 'pbs', content: ['backup'], sizeBytes: 1024 ** 4 })
    await asAdmin(sim, 'POST', '/nodes/pve1/qemu/9000/clone', { newid: 100, name: 'shop' })
  })
  afterAll(async () => await sim.stop())

  interface Row {
    volid: string
    format: string
    ctime: number
    notes?: string
    encrypted?: string
    verification?: object
  }
  const listed = async (storage: string, node = 'pve1') =>
    (await asAdmin(sim, 'GET', `/nodes/${node}/storage/${storage}/content`, { content: 'backup', vmid: 100 })) as Row[]

  it.each([
    ['pbs', /^pbs:backup\/vm\/100\/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'pbs-vm', /creating Proxmox Backup Server archive 'vm\/100\//],
    ['local', /^local:backup\/vzdump-qemu-100-[\d_-]+\.vma\.zst$/, 'vma.zst', /creating vzdump archive '.*\/dump\/vzdump-qemu-100-/],
  ] as const)('to %s makes one file, whose name and command line its log says', async (storage, name, format, words) => {
    await asAdmin(sim, 'POST', '/nodes/pve1/vzdump', { vmid: 100, storage, 'notes-template': "it's {{guestname}}" })
    const [file, ...others] = await listed(storage)
    expect(others).toEqual([])
    expect(file).toMatchObject({ volid: expect.stringMatching(name), format, notes: "it's shop" })
    expect(Math.abs((file?.ctime ?? 0) - Date.now() / 1000)).toBeLessThan(60)
    const log = sim.world.tasks.onNode('pve1').findLast(({ type }) => type === 'vzdump')?.log ?? []
    expect(log.some((line) => words.test(line))).toBe(true)
    expect(log.find((line) => line.includes('starting new backup job'))).toContain(
      `vzdump 100 --storage ${storage} --notes-template 'it'\\''s {{guestname}}'`,
    )
  })

  it('is listed with the first line of its notes', async () => {
    await asAdmin(sim, 'POST', '/nodes/pve1/vzdump', { vmid: 100, storage: 'local', 'notes-template': 'first\\nsecond' })
    expect((await listed('local')).map(({ notes }) => notes)).toContain('first')
  })

  it('on a backup server is listed by every node, with its verification and key', async () => {
    const [volume] = sim.world.storage.listed('pbs', 'pve1')
    if (volume) Object.assign(volume, { verification: 'ok', encrypted: 'aa:bb' })
    expect((await listed('pbs', 'pve2'))[0]).toMatchObject({ verification: { state: 'ok' }, encrypted: 'aa:bb' })
    expect(await listed('local', 'pve2')).toEqual([])
  })

  it('on a backup server is restored from, as from a file', async () => {
    const [file] = await listed('pbs')
    await asAdmin(sim, 'POST', '/nodes/pve2/qemu', { vmid: 101, archive: file?.volid ?? '', storage: 'local-lvm' })
    expect(sim.world.guests.get(101)?.config.get('name')).toBe('shop')
  })
})
