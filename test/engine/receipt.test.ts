import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import { freshMemory } from '../../src/engine/memory.ts'
import { readReceipt } from '../../src/engine/receipt.ts'
import { draftOf, quietDependencies } from './dependencies.ts'
import { aVm } from './vms.ts'
import type { TaskEnd } from '../../src/proxmox/task-end.ts'

const now = '2026-01-01T00:10:00Z'
const upid = 'UPID:pve1:00000001:00000001:65930000:qmstart:10000:op@pve!k8s:'
const since = '2026-01-01T00:09:00Z'

function reading(name: 'start' | 'clone' | 'set_system_disk_size', end: TaskEnd | undefined) {
  const deps = quietDependencies({ now })
  const draft = draftOf(aVm({ status: { step: { name, since, upid, attempts: 2 } } }))
  const outcome = readReceipt({ deps, draft, memory: freshMemory() }, { tasks: { ended: () => end } } as unknown as PveCluster)
  return { outcome, step: draft.status.step, history: draft.status.history, told: deps.told }
}

describe('the receipt of the last pass', () => {
  it('of a task that still runs is waited for, and nothing of it is written', () => {
    expect(reading('start', undefined)).toMatchObject({ outcome: { is: 'wait', task: upid }, step: { since, upid }, told: [] })
  })

  it('of a start that found the VM running is no failure: the look decides', () => {
    const { outcome, history, told } = reading('start', { is: 'failed', exitstatus: 'VM 10000 already running' })

    expect([outcome, history, told]).toEqual([undefined, undefined, []])
  })

  it('of a task that failed is judged like a refused request, and its words are in history', () => {
    const { outcome, history, step } = reading('set_system_disk_size', { is: 'failed', exitstatus: 'got timeout' })

    expect(outcome).toMatchObject({ is: 'retry', message: expect.stringContaining('got timeout') })
    expect(history).toMatchObject([{ step: 'set_system_disk_size', outcome: 'Failed', message: 'got timeout' }])
    expect(step).toEqual({ name: 'set_system_disk_size', since, attempts: 2 })
  })

  it('of a clone is left to the clone, where absence matters', () => {
    expect(reading('clone', { is: 'failed', exitstatus: 'clone failed: x' }).outcome).toBeUndefined()
  })
})
