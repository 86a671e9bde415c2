import { describe, expect, it } from '@jest/globals'
import { CloneSlots } from '../../src/cluster/clone-slots.ts'

describe('clone slots', () => {
  it('serve first come first served, say the position, and wake who is next', () => {
    const slots = new CloneSlots(2)
    const woken: string[] = []
    slots.subscribe((key) => woken.push(key))
    expect(['a', 'b', 'c', 'd'].map((key) => slots.take('pve1', key))).toEqual([
      { granted: true },
      { granted: true },
      { granted: false, position: 1 },
      { granted: false, position: 2 },
    ])
    slots.release('a')
    expect(woken).toEqual(['c'])
    expect(slots.take('pve1', 'd')).toEqual({ granted: false, position: 1 })
    expect(slots.take('pve1', 'c')).toEqual({ granted: true })
  })

  it('are counted per node', () => {
    const slots = new CloneSlots(1)
    expect([slots.take('pve1', 'a'), slots.take('pve2', 'b')]).toEqual([{ granted: true }, { granted: true }])
  })

  it('are asked for any number of times and taken once', () => {
    const slots = new CloneSlots(1)
    slots.take('pve1', 'a')
    slots.take('pve1', 'a')
    slots.release('a')
    expect(slots.take('pve1', 'b')).toEqual({ granted: true })
  })

  it('let those go who give up while they wait', () => {
    const slots = new CloneSlots(1)
    for (const key of ['a', 'b', 'c']) slots.take('pve1', key)
    slots.release('b')
    expect(slots.take('pve1', 'c')).toEqual({ granted: false, position: 1 })
    slots.release('nobody')
  })

  it('count clones that already ran before a restart, beyond the limit too', () => {
    const slots = new CloneSlots(1)
    slots.hold('pve1', 'a')
    slots.hold('pve1', 'b')
    expect(slots.take('pve1', 'c')).toEqual({ granted: false, position: 1 })
    slots.release('a')
    expect(slots.take('pve1', 'c')).toEqual({ granted: false, position: 1 })
    slots.release('b')
    expect(slots.take('pve1', 'c')).toEqual({ granted: true })
  })

  it('follow a VM that is placed anew, and a limit that is raised', () => {
    const slots = new CloneSlots(1)
    slots.take('pve1', 'a')
    slots.take('pve1', 'b')
    slots.take('pve1', 'c')
    expect(slots.take('pve2', 'b')).toEqual({ granted: true })
    slots.setLimit(2)
    expect(slots.take('pve1', 'c')).toEqual({ granted: true })
  })
})
