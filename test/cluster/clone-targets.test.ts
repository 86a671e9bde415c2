import { describe, expect, it } from '@jest/globals'
import { CloneTargets } from '../../src/cluster/clone-targets.ts'

describe('the number a clone makes', () => {
  it('is read from the log of its task, once for all who ask', async () => {
    const read: string[] = []
    const logs: Record<string, string[]> = { a: [], b: ['creating a clone of VM 900 with ID 201', 'create full clone of drive scsi0'] }
    const targets = new CloneTargets({
      taskLog: (upid) => {
        read.push(upid)
        return Promise.resolve(logs[upid] ?? [])
      },
    })

    expect([await targets.of('b'), await targets.of('b'), await targets.of('a')]).toEqual([201, 201, undefined])
    expect(read).toEqual(['b', 'a'])
  })

  it('is asked for again while the log does not say it yet', async () => {
    const lines: string[] = []
    const targets = new CloneTargets({ taskLog: () => Promise.resolve(lines) })
    const before = await targets.of('a')
    lines.push('creating a clone of VM 900 with ID 200')

    expect([before, await targets.of('a')]).toEqual([undefined, 200])
  })
})
