// A VM that a Stop has switched off stays off, whatever would have started it.
import { expect, it } from '@jest/globals'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { noStartAfter } from '../../src/commands/stop-in-change.ts'
import { isBeingUnsuspended } from '../../src/want/suspension.ts'

const now = '2026-11-26T22:00:00Z'
const vm = { metadata: { name: 'shop', generation: 2 }, spec: {} } as ProxmoxVM
const after = (status: object): ProxmoxVMStatus => noStartAfter(vm, now)({ observedGeneration: 1, ...status } as ProxmoxVMStatus)

it('counts the first start as made when a Stop comes before its end was noted', () => {
  expect(after({}).firstStartedAt).toBe(now)
  expect(after({ firstStartedAt: '2026-11-01T00:00:00Z' }).firstStartedAt).toBe('2026-11-01T00:00:00Z')
})

it('takes back the start at the end of a change of package, and the wish of the command ChangePackage', () => {
  const { change } = after({ change: { since: now, wasRunning: true, start: true } })
  expect(change).toEqual({ since: now, wasRunning: false })
  expect(after({}).change).toBeUndefined()
})

it('ends a suspension whose start was under way', () => {
  const suspended = { type: 'Suspended', status: 'True', reason: 'Suspended', message: '', lastTransitionTime: now }
  expect(isBeingUnsuspended(vm, { conditions: [suspended] } as ProxmoxVMStatus)).toBe(true)
  expect(isBeingUnsuspended(vm, after({ conditions: [suspended] }))).toBe(false)
})
