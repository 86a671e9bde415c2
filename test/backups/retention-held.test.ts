import { describe, expect, it } from '@jest/globals'
import { pausedAnnotation } from '../../src/api/group.ts'
import { Retention } from '../../src/backups/retention-pass.ts'
import type { Pass } from '../../src/engine/pass.ts'
import { draftOf, memory, quietDependencies } from '../engine/dependencies.ts'
import { aVm } from '../engine/vms.ts'

const kept = { status: { package: { backups: { keep: { last: 1 } } } } }

/** How often the backups of the VM were looked at. */
async function looks(annotations: Record<string, string>, leaving: readonly string[], mode: string): Promise<number> {
  let count = 0
  const backupsOf = () => {
    count += 1
    return []
  }
  const deps = {
    ...quietDependencies({ now: '2026-01-01T00:00:00Z' }),
    backupsOf,
    clusters: { get: () => ({ spec: { mode } }) },
    kinds: { leaving },
    mayAct: () => undefined,
  }
  const draft = draftOf(aVm({ ...kept, metadata: { annotations } }))
  await new Retention().apply({ deps: deps as unknown as Pass['deps'], draft, key: 'customer-7/small', memory: memory() })
  return count
}

describe('retention', () => {
  it.each([
    ['looks at the backups of a VM whose package says what is kept', {}, [], 'Manage', 1],
    ['leaves those of a paused VM alone', { [pausedAnnotation]: 'true' }, [], 'Manage', 0],
    ['leaves all alone while one of our kinds is being deleted', {}, ['vmpackages.pve.hosting'], 'Manage', 0],
    ['leaves all alone in mode Observe', {}, [], 'Observe', 0],
  ] as const)('%s', async (_, annotations, leaving, mode, expected) => expect(await looks(annotations, leaving, mode)).toBe(expected))
})
