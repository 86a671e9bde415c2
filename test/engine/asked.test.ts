import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { askedForMs, noteAsked, stepAgeMs } from '../../src/engine/asked.ts'
import { freshMemory } from '../../src/engine/memory.ts'
import { TestClock } from '../support/test-clock.ts'

const hourMs = 3_600_000
const seconds = (ms: number): number => Math.round(ms / 1000)

/** A process on a machine whose clock differs from PVE's by what people have set it to. */
function stand() {
  const clock = new TestClock()
  const pve = {
    get clockSkewMs() {
      return clock.monotonicMs() - clock.now()
    },
  } // prettier-ignore
  const begin = () => ({ deps: { clock }, memory: freshMemory() })
  return { clock, pve, begin }
}

describe.each([hourMs, -hourMs])('after the machine’s clock was set by %d ms', (jumpMs) => {
  it('a request of this process is as old as it is', () => {
    const { clock, pve, begin } = stand()
    const process = begin()
    const at = noteAsked(process, pve, 'command')
    clock.jump(jumpMs)
    clock.skip(20_000)
    expect(seconds(askedForMs(process, pve, 'command', at))).toBe(20)
  })

  it('a request of a former process is as old as PVE’s clock says', () => {
    const { clock, pve, begin } = stand()
    const at = noteAsked(begin(), pve, 'rollback')
    clock.jump(jumpMs)
    clock.skip(20_000)
    const next = begin()
    // It is noted in whole seconds.
    expect([20, 21]).toContain(seconds(askedForMs(next, pve, 'rollback', at)))
    clock.jump(-jumpMs)
    clock.skip(5_000)
    expect([25, 26]).toContain(seconds(askedForMs(next, pve, 'rollback', at)))
  })

  it('a step is as old as it is, and the next one begins at 0', () => {
    const { clock, begin } = stand()
    const process = begin()
    const draft = { status: {} as ProxmoxVMStatus }
    const step = (name: 'power_off' | 'set_network') =>
      (draft.status = { step: { name, since: new Date(clock.now()).toISOString() } } as ProxmoxVMStatus) // prettier-ignore
    step('power_off')
    expect(stepAgeMs({ ...process, draft })).toBeLessThan(1_000)
    clock.jump(jumpMs)
    clock.skip(20_000)
    expect(seconds(stepAgeMs({ ...process, draft }))).toBe(20)
    step('set_network')
    expect(seconds(stepAgeMs({ ...process, draft }))).toBe(0)
  })
})

it('a step of a former process is as old as its record says, and never younger than 0', () => {
  const { clock, begin } = stand()
  const since = (ms: number) => ({
    draft: { status: { step: { name: 'power_off', since: new Date(clock.now() + ms).toISOString() } } as ProxmoxVMStatus },
  }) // prettier-ignore
  expect(seconds(stepAgeMs({ ...begin(), ...since(-30_000) }))).toBe(30)
  expect(stepAgeMs({ ...begin(), ...since(hourMs) })).toBe(0)
})
