import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { freshMemory } from '../../src/engine/memory.ts'
import { stepAgeMs } from '../../src/engine/step-age.ts'
import type { StepName } from '../../src/api/words.ts'
import { TestClock } from '../support/test-clock.ts'

const hourMs = 3_600_000

/** A process on a machine whose clock people set, and a VM on whose record a step stands. */
function stand() {
  const clock = new TestClock()
  const memory = freshMemory()
  let status = {} as ProxmoxVMStatus
  return {
    clock,
    begin: (name: StepName, agoMs = 0) => {
      status = { step: { name, since: new Date(clock.now() - agoMs).toISOString() } } as ProxmoxVMStatus
    },
    ageSeconds: () => Math.round(stepAgeMs({ deps: { clock }, memory, draft: { status } }) / 1000),
  }
}

describe('how long a step has been under way', () => {
  it.each([hourMs, -hourMs])('does not change when the machine’s clock is set by %d ms, and the next step begins at 0', (jumpMs) => {
    const { clock, begin, ageSeconds } = stand()
    begin('power_off')
    const before = ageSeconds()
    clock.jump(jumpMs)
    clock.skip(20_000)
    const after = ageSeconds()
    begin('set_network')

    expect([before, after, ageSeconds()]).toEqual([0, 20, 0])
  })

  it('is what the record says of a former process, and never less than 0', () => {
    const former = stand()
    former.begin('power_off', 30_000)
    const early = stand()
    early.begin('power_off', -hourMs)

    expect([former.ageSeconds(), early.ageSeconds()]).toEqual([30, 0])
  })
})
