import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { requeueAfter, showPaused } from '../../src/engine/after-pass.ts'
import { memory, quietDependencies, draftOf, sayings } from './dependencies.ts'
import { aVm } from './vms.ts'
import { type Outcome, done, retry, stalled, wait, waitForTask } from '../../src/ladder/outcome.ts'

const now = '2026-01-01T00:00:00Z'

function settling(outcome: Outcome, o: { status?: ProxmoxVMStatus; wasSettled?: boolean; attempts?: number; lastWait?: string } = {}) {
  const deps = quietDependencies({ now })
  const draft = draftOf(aVm({ metadata: { generation: 3 }, ...(o.status && { status: o.status }) }))
  const mind = memory(o.lastWait === undefined ? {} : { events: { lastWait: o.lastWait } })
  const again = requeueAfter({ deps, draft, memory: mind, wasSettled: o.wasSettled ?? false, attempts: o.attempts ?? 0 }, outcome)
  return {
    again,
    said: sayings(draft.status),
    step: draft.status.step,
    told: deps.told,
    status: draft.status,
    lastWait: mind.events.lastWait,
  }
}

describe('after a pass', () => {
  it('that is done nothing is said or looked at again', () => {
    expect(settling(done, { lastWait: 'x' })).toMatchObject({ again: { is: 'never' }, said: [], told: [], lastWait: undefined })
  })

  it('that waits the VM says for what, once', () => {
    const outcome = wait('Queued', 'Waits for a clone slot, position 3.', 60_000)
    const first = settling(outcome)

    expect(first).toMatchObject({
      again: { is: 'after', ms: 60_000 },
      said: ['Ready=False/Queued', 'Reconciling=True/Queued'],
      told: ['Normal WaitBegan: Waits for a clone slot, position 3.'],
      step: { name: 'creation', since: now },
    })
    expect(settling(outcome, { lastWait: first.lastWait ?? '' }).told).toEqual([])
  })

  it('that waits for the task it waited for before, a reason that holds no more is replaced', () => {
    const before = settling(wait('ClusterNotReady', 'ProxmoxCluster "fra1" is not ready.'), {
      status: { step: { name: 'clone', since: now, upid: 'UPID:pve1:1' } },
    })
    const after = settling(waitForTask('UPID:pve1:1', 'The template is being cloned.'), { status: before.status })

    expect([before.said[0], after.said[0]]).toEqual(['Ready=False/ClusterNotReady', 'Ready=False/TaskRunning'])
  })

  it('that waits for a task its receipt is in the step, and no event is written', () => {
    const waiting = settling(waitForTask('UPID:pve1:1', 'clone'), { status: { step: { name: 'clone', since: '2025-12-31T00:00:00Z' } } })

    expect(waiting.step).toEqual({ name: 'clone', since: '2025-12-31T00:00:00Z', upid: 'UPID:pve1:1' })
    expect(waiting).toMatchObject({
      again: { is: 'after', ms: 30_000 },
      told: [],
      said: ['Ready=False/TaskRunning', 'Reconciling=True/TaskRunning'],
    })
  })

  it('that failed for a cause that may pass it is tried again with growing pauses', () => {
    expect(settling(retry('Unreachable', 'connect ECONNREFUSED'), { attempts: 4 })).toMatchObject({
      again: { is: 'backoff' },
      said: ['Ready=False/Unreachable', 'Reconciling=True/Unreachable'],
      step: { attempts: 5, lastError: 'connect ECONNREFUSED' },
      told: ['Warning Failed: connect ECONNREFUSED. Retrying.'],
    })
  })

  it('that needs a person the VM says so about this generation, and is looked at again slowly', () => {
    expect(settling(stalled('VMIDTaken', 'VMID 100 belongs to another guest.'))).toMatchObject({
      again: { is: 'after', ms: 300_000 },
      said: ['Ready=False/VMIDTaken', 'Stalled=True/VMIDTaken'],
      status: { observedGeneration: 3 },
      told: ['Warning Failed: VMID 100 belongs to another guest.'],
    })
  })

  it.each([
    ['a retry', retry('Unreachable', 'x')],
    ['a lock', wait('Locked', 'x')],
  ])('a ready VM stays Ready while %s passes by', (_claim, outcome) => {
    expect(settling(outcome, { wasSettled: true })).toMatchObject({ said: [], told: [] })
  })

  it('a ready VM does not stay Ready when a person must act', () => {
    expect(settling(stalled('VMMissing', 'gone'), { wasSettled: true }).said).toEqual(['Ready=False/VMMissing', 'Stalled=True/VMMissing'])
  })

  it('Stalled goes when the VM goes on, and Reconciling when it stalls', () => {
    const after = (first: Outcome, then: Outcome) => settling(then, { status: settling(first).status }).said

    expect(after(stalled('VMIDTaken', 'x'), wait('Queued', 'y'))).toEqual(['Ready=False/Queued', 'Reconciling=True/Queued'])
    expect(after(wait('Queued', 'y'), stalled('VMIDTaken', 'x'))).toEqual(['Ready=False/VMIDTaken', 'Stalled=True/VMIDTaken'])
  })

  it('an error fits where the API server would refuse it', () => {
    expect(settling(retry('Retrying', 'x'.repeat(5000))).step?.lastError).toHaveLength(1024)
  })
})

describe('Paused', () => {
  it('is there only while the annotation is', () => {
    const paused = draftOf(aVm({ metadata: { annotations: { 'pve.hosting/paused': 'true' } } }))
    showPaused(quietDependencies({ now }), paused)
    expect(sayings(paused.status)).toEqual(['Paused=True/Paused'])

    const draft = draftOf(aVm({ status: paused.status }))
    showPaused(quietDependencies({ now }), draft)
    expect(sayings(draft.status)).toEqual([])
  })
})
