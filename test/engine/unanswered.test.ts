import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import type { CommandPass } from '../../src/commands/command-pass.ts'
import { runPowerCommand } from '../../src/commands/power-buttons.ts'
import type { Look } from '../../src/engine/look.ts'
import { unansweredForMs } from '../../src/engine/unanswered.ts'
import { followRollback } from '../../src/snapshots/rollback.ts'
import { draftOf, memory, quietDependencies } from './dependencies.ts'
import { aVm } from './vms.ts'

const askedAt = '2026-01-01T00:00:00Z'

/** A pass at `seconds` after the request, by a clock that somebody has set forward by `jumpedSeconds`. */
const at = (seconds: number, jumpedSeconds = 0) => {
  const clock = {
    now: () => Date.parse(askedAt) + (seconds + jumpedSeconds) * 1000,
    monotonicMs: () => seconds * 1000,
  }
  return { ...quietDependencies({ now: askedAt }), clock, commandsOf: () => [] } as unknown as CommandPass['deps']
}

/** A PVE that has never heard of a request of ours. */
const silent = { clockSkewMs: 0, pve: { tasks: async () => [] }, tasks: { ended: () => undefined } } as unknown as PveCluster

describe('a request whose answer was lost', () => {
  it('is as old as this process has known it, whatever the clock says', () => {
    const mind = memory()
    expect(unansweredForMs({ memory: mind, deps: at(0) }, 'a')).toBe(0)
    expect(unansweredForMs({ memory: mind, deps: at(20, 3_600) }, 'a')).toBe(20_000)
    expect(unansweredForMs({ memory: mind, deps: at(20, -3_600) }, 'b')).toBe(0)
  })

  it('is not repeated where it was a Stop and somebody set the clock forward', async () => {
    const command = { status: { startedAt: askedAt, intentAt: askedAt }, command: { metadata: { uid: 'c1' }, spec: { command: 'Stop' } } }
    const look = { at: { node: 'pve1', vmid: 100 }, seen: {}, need: async () => undefined } as unknown as Look
    const mind = memory()
    const press = async (deps: CommandPass['deps']) => {
      const pass = { deps, key: 'customer-7/small', draft: draftOf(aVm()), memory: mind, cluster: silent, command }
      return await runPowerCommand(pass as unknown as CommandPass, look, 'Stop')
    }
    expect(await press(at(0))).toMatchObject({ is: 'wait', reason: 'CommandRunning' })
    expect(await press(at(10, 3_600))).toMatchObject({ is: 'wait', reason: 'CommandRunning' })
  })

  it('is not repeated for 5 minutes where it was a rollback, which would take back what was written since', async () => {
    const running = { requestID: 'command/c1', object: 'before', snapshot: 'op-1', since: askedAt, askedAt }
    const draft = draftOf(aVm({ status: { vmid: 100, node: 'pve1', rollback: { running } } }))
    const mind = memory()
    const look = async (seconds: number) =>
      await followRollback({ deps: at(seconds), key: 'customer-7/small', draft, memory: mind }, silent)
    expect(await look(0)).toMatchObject({ is: 'wait', reason: 'RollingBack' })
    expect(await look(66)).toMatchObject({ is: 'wait', reason: 'RollingBack' })
    expect(await look(299)).toMatchObject({ is: 'wait', reason: 'RollingBack' })
  })
})
