import { expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { ClusterDirectory } from '../../src/cluster/directory.ts'
import { VMStatusDraft } from '../../src/engine/status-draft.ts'
import { Store } from '../../src/kube/store.ts'
import { TrafficMeters } from '../../src/usage/meters.ts'
import { showUsage } from '../../src/usage/show-usage.ts'
import { isSuspended } from '../../src/want/suspension.ts'
import { memory, quietDependencies } from '../engine/dependencies.ts'
import { aVm } from '../engine/vms.ts'
import { TestClock } from '../support/test-clock.ts'

it('The record of a package that counts nothing any more is gone before the pass asks what holds the VM off', async () => {
  const usage = {
    periodStart: '2026-01-01T00:00:00Z',
    receivedBytes: 9,
    sentBytes: 0,
    measuredAt: '2026-01-02T00:00:00Z',
    exceeded: 'Suspend',
  } as const
  const vm = aVm({ status: { usage } })
  const client = { replaceStatus: (_: unknown, object: ProxmoxVM) => Promise.resolve(object) }
  const draft = new VMStatusDraft({ vm, store: new Store(), client } as unknown as ConstructorParameters<typeof VMStatusDraft>[0])
  const meters = new TrafficMeters({
    deps: { vms: new Store(), clusters: new ClusterDirectory(), clock: new TestClock() },
    vmsOf: () => [],
    wake: () => undefined,
  })
  expect(isSuspended(draft.vm)).toBe(true)
  await showUsage({ deps: quietDependencies({ now: '2026-01-02T00:00:00Z' }), key: '', draft, memory: memory() }, meters)
  expect(isSuspended(draft.vm)).toBe(false)
})
