/** A whole panel moves in at once while orders come in. WAVE=600 is the size that docs/migration.md speaks of; the tests take a tenth. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseMark } from '../../src/ladder/mark.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { small } from './strangers.ts'

const size = Number(process.env['WAVE'] ?? 60)
const orders = 5
/** For all of them, in one go. */
const tenMinutesMs = 600_000
/** Of PVE, for one takeover: two looks with their firewall, the index of guests, and what the comparison asks. */
const mostRequestsEach = 32
/** To the API server, for one takeover. */
const mostKubeWritesEach = 10

const hex = (number: number, digits: number) => number.toString(16).toUpperCase().padStart(digits, '0')
const macAt = (index: number) => `00:16:3E:00:${hex(index >> 8, 2)}:${hex(index & 255, 2)}`
const addressAt = (index: number) => `10.${64 + (index >> 8)}.${index & 255}.10`
const guestAt = (index: number) => ({
  vmid: 20_000 + index,
  node: `pve${(index % 3) + 1}`,
  running: index % 5 !== 0,
  config: {
    name: `panel-${index}.example.net`,
    boot: 'order=scsi0',
    cores: '2',
    memory: '4096',
    net0: `virtio=${macAt(index)},bridge=vmbr0,rate=12.5`,
    ipconfig0: `ip=${addressAt(index)}/10,gw=10.64.0.1`,
    ide2: `local-lvm:vm-${20_000 + index}-cloudinit,media=cdrom,size=4M`,
    scsi0: `local-lvm:vm-${20_000 + index}-disk-0,size=${20 + (index % 4) * 10}G`,
    onboot: '1',
  },
})

describe(`a wave of ${size} guests`, () => {
  let world: TestWorld
  let pool: string
  const vmids = Array.from({ length: size }, (_, index) => 20_000 + index)
  const guest = (vmid: number) => world.simulator.world.guests.get(vmid)
  const body = (vmid: number) => {
    const { description: _, tags: __, ...config } = Object.fromEntries(guest(vmid)?.config ?? [])
    return { config, isRunning: guest(vmid)?.isRunning }
  }

  beforeAll(async () => {
    world = await TestWorld.start({
      speed: 20,
      scenario: { guests: Array.from({ length: size }, (_, index) => guestAt(index)) },
      limits: { adoption: { vmids: { from: 20_000, to: 29_999 } } },
      vmids: { from: 30_000, to: 39_999 },
    })
    pool = await world.pool(aV4Pool({ ranges: ['10.64.0.2-10.127.255.254'], prefixLength: 10, gateway: '10.64.0.1' }))
  })
  afterAll(async () => await world.stop(), 60_000)

  it(
    'is taken in one go, each by one write, while orders are made as ever, and no address is given twice',
    async () => {
      const before = vmids.map(body)
      const names = Array.from({ length: orders }, (_, index) => `order-${index}`)
      const take = async (index: number) =>
        await world.apply(`panel-${index}`, {
          package: small,
          addresses: [{ name: 'main', poolRef: { name: pool }, address: addressAt(index) }],
          adopt: { vmid: 20_000 + index, macAddress: macAt(index), mode: 'Take' },
        })
      world.operator?.wire.writes.splice(0)
      const ordered = names.map((name) => world.apply(name, { addresses: [{ name: 'main', poolRef: { name: pool } }] }))
      for (let index = 0; index < size; index += 20)
        await Promise.all(Array.from({ length: Math.min(20, size - index) }, (_, at) => take(index + at)))
      await Promise.all(ordered)
      const isTaken = async (index: number) => world.condition(await world.vm(`panel-${index}`), 'NetworkConfigured') !== undefined
      for (let index = 0; index < size; index++)
        await until(`panel-${index} is taken`, () => isTaken(index), { seconds: tenMinutesMs / 1000, everyMs: 250 })
      const taken = await Promise.all(vmids.map(async (_, index) => await world.untilReady(`panel-${index}`, 60)))
      for (const name of names) await world.untilReady(name, 120)
      expect(vmids.map(body)).toEqual(before)
      expect(vmids.map((vmid) => parseMark(guest(vmid)?.config.get('description'))?.uid)).toEqual(taken.map(({ metadata }) => metadata.uid))
      const writes = world.writes().filter((line) => / \/nodes\/pve\d\/qemu\/2\d{4}\//.test(line))
      expect(writes).toHaveLength(size)
      const all = world.requests().filter((line) => /\/qemu\/2\d{4}\//.test(line))
      expect(all.length / size).toBeLessThan(mostRequestsEach)
      const kube = (world.operator?.wire.writes ?? []).filter(({ to, what }) => to === 'kube' && /proxmoxvms|pooladdresses/.test(what))
      expect(kube.length / (size + orders)).toBeLessThan(mostKubeWritesEach)
      const held = (await world.addresses(pool)).flatMap(({ spec }) => (spec.claimRef ? [spec.address] : []))
      expect(new Set(held).size).toBe(size + orders)
    },
    tenMinutesMs + 120_000,
  )
})
