import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { GuestRounds } from '../../../src/engine/watch/guest-rounds.ts'
import { Store } from '../../../src/kube/store.ts'
import { TestClock } from '../../support/test-clock.ts'
import { aVm } from '../vms.ts'

const said = (type: string, status: 'True' | 'False') => ({ type, status, reason: 'Running', message: '', lastTransitionTime: '' })

let versions = 0

/** `isWell`: its agent has answered. */
const running = (name: string, o: { isWell: boolean; remoteStatus?: 'running' | 'stopped' }): ProxmoxVM =>
  aVm({
    metadata: { name, uid: name, resourceVersion: String(++versions) },
    status: {
      remoteStatus: o.remoteStatus ?? 'running',
      observedGeneration: 1,
      guest: { agent: 'Answering', readAt: '' } as never,
      conditions: [said('Ready', 'True'), said('GuestReady', o.isWell ? 'True' : 'False')],
    },
  })

function stage() {
  const clock = new TestClock()
  const vms = new Store<ProxmoxVM>()
  const asked: string[] = []
  const rounds = new GuestRounds({ vms, vmsOf: () => vms.list(), clock, ask: (key) => asked.push(key.split('/')[1] ?? '') })
  const source = rounds.of('fra1')
  /** The rank and the VM whose agent is asked next. */
  const turn = () => {
    const next = source.next()
    next?.begin()
    return next && `${next.rank} ${asked.at(-1)}`
  }
  return { clock, vms, turn }
}

describe('the agents of guests, in the background', () => {
  it('are asked 20 s after the start of their VM, before the round that the last search has found', () => {
    const { clock, vms, turn } = stage()
    for (const name of ['a', 'b', 'c']) vms.upsert(running(name, { isWell: true }))
    vms.upsert(running('new', { isWell: false, remoteStatus: 'stopped' }))
    vms.upsert(running('new', { isWell: false }))
    expect(turn()).toBe('round a')
    clock.skip(21_000)
    expect(turn()).toBe('young new')
    expect(turn()).toBe('round b')
  })

  it('are of the round after a restart of the operator if they were silent before it', () => {
    const { vms, turn } = stage()
    vms.upsert(running('silent', { isWell: false }))
    expect(turn()).toBe('round silent')
  })

  it('are asked again after twice the time as long as they are silent, and seldom once they answer', () => {
    const { clock, vms, turn } = stage()
    vms.upsert(running('silent', { isWell: false, remoteStatus: 'stopped' }))
    vms.upsert(running('silent', { isWell: false }))
    const pauses = [21_000, 39_000, 4_000, 79_000, 4_000].map((ms) => {
      clock.skip(ms)
      return turn() !== undefined
    })
    expect(pauses).toEqual([true, false, true, false, true])
    vms.upsert(running('silent', { isWell: true }))
    clock.skip(590_000)
    expect(turn()).toBeUndefined()
    clock.skip(15_000)
    expect(turn()).toBe('round silent')
  })
})
