// A Start whose answer is lost, that PVE begins a minute later, and whose operator dies at one of its next writes.
import { expect, it } from '@jest/globals'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import { walk } from '../support/crash.ts'
import { untilSkipping } from '../support/strikes.ts'
import { outcomeOf, press } from './buttons.ts'

const late = { plan: { drop: 'after', beginAfterMs: 66_000 } } as const

it('has succeeded only once the VM runs, whichever write it was', async () => {
  const points = [0, 1, 2].map((index) => ({ index, name: `shop-${index}` }))
  const faults = await walk(
    points,
    async ({ world }, { index, name }) => {
      const vm = await world.born(name)
      expect(await outcomeOf(world, name, 'Stop')).toContain('Succeeded')
      await world.untilReady(name)
      let isLost = false
      let left = index
      const { wire } = world.operator!
      wire.judgedBy(({ what }) => {
        if (!isLost) {
          isLost = what.endsWith('/status/start')
          return isLost ? late : 'pass'
        }
        if (left-- > 0) return 'pass'
        wire.cut()
        return 'lost before'
      })
      const pressed = await press(world, name, 'Start')
      const status = async () => (await world.client.get(proxmoxVMCommands, { namespace: world.namespace, name: pressed }))?.status
      await untilSkipping(world, 'it died or ended', async () => wire.isCut || (await status())?.finishedAt)
      if (wire.isCut) {
        await world.killOperator()
        await world.startOperator()
      }
      await untilSkipping(world, 'it ended', async () => (await status())?.finishedAt)
      expect((await status())?.phase).toBe('Succeeded')
      expect(world.guestOf(vm).isRunning).toBe(true)
    },
    { name: ({ name }) => name },
  )
  expect(faults).toEqual([])
}, 300_000)
