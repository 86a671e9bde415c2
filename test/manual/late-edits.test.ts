/** Each kind has a watch of its own: what a person changed before he pressed a button may come to the operator after it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { vmPackages } from '../../src/api/meta.ts'
import { consoleNamed, makeConsole, worldWithConsoles } from '../console/consoles.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'
import { outcomeOf } from './buttons.ts'

describe('what was changed before', () => {
  let world: TestWorld
  let release = (): void => undefined
  beforeAll(async () => {
    world = await worldWithConsoles()
  })
  afterEach(() => release())
  afterAll(async () => await world.stop())

  /** The operator hears nothing of that kind any more, until the test has ended. */
  const hold = (kind: string): void => {
    const held = new Promise<void>((resolve) => (release = resolve))
    world.operator!.wire.beforeWatched = (plural) => (plural === kind ? held : undefined)
  }

  it('a command is judged by the VM as it is', async () => {
    await world.born('halted', { runStrategy: 'Halted' })
    hold('proxmoxvms')
    await world.edit('halted', { spec: { runStrategy: 'Once' } })
    expect(await outcomeOf(world, 'halted', 'Start')).toMatch(/^Succeeded: /)
  })

  it('ChangePackage takes the newest version of the package', async () => {
    const name = await world.package({
      cpu: { cores: 1 },
      memory: { size: '1Gi' },
      systemDisk: { size: '20Gi' },
      network: { bridge: 'vmbr0' },
    })
    await world.born('sold', { package: undefined, packageRef: { name } })
    hold('vmpackages')
    await world.client.mergePatch(vmPackages, { name }, { spec: { memory: { size: '2Gi' } } })
    expect(await outcomeOf(world, 'sold', 'ChangePackage')).toMatch(/^Succeeded: /)
    expect((await world.vm('sold'))?.status?.package?.memory?.size).toBe('2Gi')
  })

  it('a console is not refused for a suspension that was lifted', async () => {
    await world.born('paid')
    await world.edit('paid', { spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    await world.untilCondition('paid', 'Suspended', 'True')
    hold('proxmoxvms')
    await world.edit('paid', { spec: { suspensions: [] } })
    const name = await makeConsole(world, 'paid')
    const { status } = await until('the console is judged', async () => {
      const now = await consoleNamed(world, name)
      return now?.status?.phase === undefined || now.status.phase === 'Pending' ? undefined : now
    })
    expect(JSON.stringify(status)).not.toMatch(/suspended by/)
  })
})
