import { describe, expect, it } from '@jest/globals'
import type { Condition } from '../../src/api/object.ts'
import type { ProxmoxVMConsole } from '../../src/api/proxmoxvmconsole.ts'
import { endWordOf } from '../../src/console/broker/admission.ts'
import { consoleStatus } from '../../src/console/console-status.ts'

const now = '2026-01-01T00:00:00Z'
const viewing: ProxmoxVMConsole = {
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'ProxmoxVMConsole',
  metadata: { name: 'look', namespace: 'customer-7' },
  spec: { vmRef: { name: 'shop' } },
}

describe('the page of a console that the operator has ended', () => {
  it.each([
    ['ConsoleEnded', 'time'],
    ['Suspended', 'suspended'],
    ['VMNotFound', 'gone'],
    ['VMForeign', 'gone'],
    ['ConsolesOff', 'unavailable'],
  ] as const)('is told of %s by the word %s', (reason, word) => {
    const status = consoleStatus(viewing, 'Ended', { reason, message: '' }, now, { openedAt: now, endedAt: now })
    expect(endWordOf({ ...viewing, status })).toBe(word)
  })

  it('is told that nobody opened it in time', () => {
    const conditions: Condition[] = []
    expect(endWordOf({ ...viewing, status: { conditions, endedAt: now } })).toBe('unopened')
  })
})
