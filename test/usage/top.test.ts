import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { averagesOf } from '../../src/usage/figures.ts'
import { at } from '../plugin/terminal.ts'
import { TestWorld } from '../support/world.ts'
import { traffic, transfer, untilMetered, untilUsage, GB } from './scene.ts'

describe('kubectl pve top', () => {
  let world: TestWorld
  const here = at(() => world.namespace)

  beforeAll(async () => {
    world = await TestWorld.start()
  })
  afterAll(() => world.stop())

  it('measures the VM when it is asked: one request, and the newest traffic', async () => {
    const vm = await world.born('shop', traffic({ limit: '100G' }))
    await world.born('plain')
    await untilUsage(world, 'shop', 'there', () => true)
    world.skip(120_000)
    transfer(world, vm, 30 * GB, 10 * GB)
    await untilMetered(world, vm, 30 * GB)
    world.simulator.requests.reset()
    const { code, out } = await here('top', 'shop')
    expect(code).toBe(0)
    expect(out).toMatch(/^NAME +POWER +CPU +MEMORY/)
    expect(out).toMatch(/shop +running +0m of 1 +256\.0 MiB of 1\.0 GiB .* 27\.9 GiB +9\.3 GiB +40 % of 93\.1 GiB +\d{4}-/)
    expect(world.requests().filter((line) => line.includes('rrddata'))).toEqual([
      `GET /nodes/${vm.status?.node}/qemu/${vm.status?.vmid}/rrddata`,
    ])
  })

  it('shows all of a namespace, those without traffic too, and asks for nothing with --recorded', async () => {
    const all = await here('top')
    expect(all.code).toBe(0)
    expect(all.out.trim().split('\n')).toHaveLength(3)
    world.simulator.requests.reset()
    const { out } = await here('top', '--recorded', '-o', 'json')
    const rows = JSON.parse(out) as { name: string; usage?: object; figures?: { minutes?: number } }[]
    expect(rows.map(({ name, usage }) => [name, usage !== undefined])).toEqual([
      ['plain', false],
      ['shop', true],
    ])
    expect(world.requests().filter((line) => line.includes('rrddata'))).toEqual([])
  })

  it('refuses a name together with a choice', async () => {
    expect(await here('top', 'shop', '-A')).toMatchObject({ code: 2, err: expect.stringContaining('not both') })
  })
})

describe('the figures of the last hour', () => {
  it('are averages over the rows in which PVE knows the VM', () => {
    const rows = [
      { timeSeconds: 0 },
      { timeSeconds: 60, cpu: 0.5, maxCpu: 2, memBytes: 100, maxMemBytes: 1000, receivedPerSecond: 10, sentPerSecond: 2 },
      { timeSeconds: 120, cpu: 0.25, maxCpu: 2, memBytes: 300, maxMemBytes: 1000, receivedPerSecond: 30, writtenPerSecond: 9 },
    ]
    expect(averagesOf(rows)).toEqual({
      minutes: 2,
      cpuMillicores: 750,
      cpuCores: 2,
      memoryBytes: 200,
      maxMemoryBytes: 1000,
      diskReadBytesPerSecond: 0,
      diskWriteBytesPerSecond: 5,
      networkInBytesPerSecond: 20,
      networkOutBytesPerSecond: 1,
    })
  })

  it('are absent where PVE keeps none', () => {
    expect(averagesOf([])).toEqual({})
    expect(averagesOf([{ timeSeconds: 0 }, { timeSeconds: 60 }])).toEqual({})
  })
})
