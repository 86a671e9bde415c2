import { describe, expect, it } from '@jest/globals'
import { isLockTold, lockObstacle } from '../../src/engine/lock-sentence.ts'

const status = (reason: string, message: string) => ({
  conditions: [{ type: 'Ready', status: 'False' as const, reason, message, lastTransitionTime: '' }],
})

describe('a lock that holds up a snapshot', () => {
  it('is new at the first look, stuck at the second, and stays stuck at the third', async () => {
    const idle = { pve: { tasks: () => Promise.resolve([]) } } as unknown as Parameters<typeof lockObstacle>[0]['cluster']
    const look = async (before: Parameters<typeof isLockTold>[0]) => {
      const seenBefore = isLockTold(before, 'backup') ? 'backup' : undefined
      return await lockObstacle({ cluster: idle, at: { node: 'pve1', vmid: 10_000 }, lock: 'backup', seenBefore, next: 'it waits' })
    }
    const first = await look({})
    const second = await look(status(first.reason, first.message))
    const third = await look(status(second.reason, second.message))

    expect([first.reason, second.reason, third.reason]).toEqual(['Locked', 'StuckLock', 'StuckLock'])
  })

  it('is new where another lock was told, or the VM was not found', () => {
    expect(isLockTold(status('StuckLock', 'VM 10000 on pve1 has the lock "backup"'), 'snapshot')).toBe(false)
    expect(isLockTold(status('VMNotFound', 'There is no ProxmoxVM "backup" in this namespace.'), 'backup')).toBe(false)
  })
})
