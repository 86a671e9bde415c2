import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

let world: TestWorld
beforeAll(async () => {
  world = await TestWorld.start({ speed: 20 })
})
afterAll(() => world.stop())

/** What a thorough look at the VM asks PVE for. */
async function looked(name: string): Promise<string[]> {
  const vm = (await world.vm(name))!
  world.simulator.requests.reset()
  await world.edit(name, { metadata: { annotations: { 'pve.hosting/look': 'now' } } })
  await until('it was looked at', async () => (await world.vm(name))?.status?.lookedFor === 'now')
  const path = world.pathOf(vm)
  return world.requests().flatMap((line) => (line.startsWith(`GET ${path}/`) ? [line.slice(`GET ${path}/`.length)] : []))
}

describe('a thorough look at a VM that is as it should be', () => {
  it('reads no firewall where PVE applies none to its network card, and all of it where it does', async () => {
    await world.born('open')
    await world.born('filtered', { package: { ...vpsM, network: { bridge: 'vmbr0' } } })

    expect((await looked('open')).filter((path) => path.startsWith('firewall'))).toEqual([])
    expect((await looked('filtered')).filter((path) => path.startsWith('firewall')).length).toBeGreaterThan(1)
  })

  it('reads it again once somebody has PVE apply it', async () => {
    const vm = (await world.vm('open'))!
    const net0 = world.guestOf(vm).config.get('net0') ?? ''
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { net0: `${net0},firewall=1` })
    await world.inPve('PUT', `${world.pathOf(vm)}/firewall/options`, { enable: 1 })
    await world.edit('open', { metadata: { annotations: { 'pve.hosting/look': 'again' } } })
    await until('the card is put back', () => !world.guestOf(vm).config.get('net0')?.includes('firewall=1'))
  })
})
