import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { heldForMs, holdMs, takeHeld } from '../../src/engine/held-status.ts'
import { freshMemory } from '../../src/engine/memory.ts'
import { type Outcome, wait, waitForTask } from '../../src/ladder/outcome.ts'

const since = '2026-01-01T00:00:00Z'
const upid = 'UPID:pve1:1'
const written: ProxmoxVMStatus = { vmid: 10_000, step: { name: 'clone', since, upid: 'UPID:pve1:0' } }
const starting: ProxmoxVMStatus = { ...written, step: { name: 'start', since, upid } }
const task = waitForTask(upid, 'start is under way.')

const held = (
  status: ProxmoxVMStatus,
  o: { outcome?: Outcome; nowMs?: number; memory?: ReturnType<typeof freshMemory>; before?: ProxmoxVMStatus } = {},
) => holdMs({ status, written: o.before ?? written }, o.memory ?? freshMemory(), o.outcome ?? task, o.nowMs ?? 0)

describe('the status of a birth', () => {
  it('is not written for a start or a resize that is over soon, and is when it lasts', () => {
    const memory = freshMemory()
    expect([0, 1_000, heldForMs].map((nowMs) => held(starting, { memory, nowMs }))).toEqual([heldForMs, heldForMs - 1_000, undefined])
    expect(held({ ...written, step: { name: 'set_system_disk_size', since } })).toBe(heldForMs)
  })

  it('is written for whatever else is waited for', () => {
    expect(held(starting, { outcome: wait('Locked', 'x') })).toBeUndefined()
    for (const name of ['clone', 'restore', 'set_cpu_ram', 'set_created_additional_disk', 'stop', 'remove'] as const)
      expect(held({ ...written, step: { name, since, upid } })).toBeUndefined()
  })

  it.each([
    ['was ready before', { firstReadyAt: since }],
    ['is reinstalled', { reinstall: { running: { requestID: 'a', since } } }],
    ['is taken over', { adoption: {} }],
    ['gets back what people hung on it', { possessions: {} }],
    ['has other addresses', { addresses: [{ name: 'main', address: '203.0.113.10' }] }],
    ['has another number', { vmid: 10_001 }],
  ])('is written of a VM that %s', (_, more) => {
    expect(held({ ...starting, ...(more as ProxmoxVMStatus) })).toBeUndefined()
  })

  it('is not written for the lock alone of a clone whose task is on record', () => {
    const outcome = waitForTask('UPID:pve1:0', 'clone')
    expect(held({ ...written, remoteLock: 'clone' }, { outcome })).toBe(heldForMs)
    expect(held({ ...written, remoteLock: 'clone', node: 'pve2' }, { outcome })).toBeUndefined()
    expect(held(written, { outcome })).toBeUndefined()
  })

  it('goes on in the next pass, once, and not over what somebody else has written', () => {
    const memory = freshMemory()
    const last = { status: starting, written }
    memory.held.last = last
    expect([takeHeld(memory, written), takeHeld(memory, written)]).toEqual([starting, undefined])
    memory.held.last = last
    expect(takeHeld(memory, { ...written, node: 'pve2' })).toBeUndefined()
    memory.held.last = last
    expect(takeHeld(memory, { ...written, dns: { records: [] } } as unknown as ProxmoxVMStatus)).toBe(starting)
  })
})
