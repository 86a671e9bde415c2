import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { noteReinstallWithdrawn, whatIsAsked, type Running } from '../../src/engine/reinstall-state.ts'

const since = '2026-01-01T00:00:00Z'
const asked = (requestID: string | undefined, running: Partial<Running>, more: object = {}, commands: string[] = []) => {
  const vm = { spec: { ...(requestID !== undefined && { reinstall: { requestID } }) } } as unknown as ProxmoxVM
  const status: ProxmoxVMStatus = {
    intentAt: since,
    reinstall: { completedIDs: ['old'], running: { requestID: 'r1', since, ...running } },
    ...more,
  }
  return whatIsAsked(vm, status, commands)
}

describe('a request to reinstall that is under way', () => {
  it.each([
    ['goes on while its field is there', asked('r1', {}), 'this'],
    ['is withdrawn when the field is removed before anything was deleted', asked(undefined, {}), 'none'],
    ['is withdrawn by a newer request, which begins by itself', asked('r2', {}), 'none'],
    ['goes on once its VM is being deleted', asked(undefined, { destroyAt: since }), 'this'],
    [
      'goes on when its VM is gone and nobody asks for another',
      asked(undefined, { destroyAt: since, removed: true }, { intentAt: undefined }),
      'this',
    ],
    [
      'gives way to a newer one while the new VM has no place',
      asked('r2', { destroyAt: since, removed: true }, { intentAt: undefined }),
      { newer: 'r2' },
    ],
    [
      'does not give way to one that was carried out before',
      asked('old', { destroyAt: since, removed: true }, { intentAt: undefined }),
      'this',
    ],
    ['goes on once the new VM has its place', asked('r2', { destroyAt: since, removed: true }), 'this'],
    ['goes on while its command is there', asked(undefined, { requestID: 'command/u1' }, {}, ['u1']), 'this'],
    ['is withdrawn with its command', asked(undefined, { requestID: 'command/u1' }, {}, ['u2']), 'none'],
  ])('%s', (_, answer, expected) => {
    expect(answer).toEqual(expected)
  })

  it('that is withdrawn leaves the VM started if it ran, and removed if it was', () => {
    const status = (running: object): ProxmoxVMStatus => ({
      firstStartedAt: since,
      reinstall: { completedIDs: [], running: { requestID: 'r1', since, ...running } },
    })

    expect(noteReinstallWithdrawn(since)(status({}))).toMatchObject({ firstStartedAt: since, localStatus: 'ready' })
    expect(noteReinstallWithdrawn(since)(status({ wasRunning: true }))).not.toHaveProperty('firstStartedAt')
    expect(noteReinstallWithdrawn(since)(status({ removed: true }))).toMatchObject({ removedAt: since, reinstall: { completedIDs: [] } })
  })
})
