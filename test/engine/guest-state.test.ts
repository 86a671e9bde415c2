import { describe, expect, it } from '@jest/globals'
import { type GuestClues, guestStateOf, powerIn } from '../../src/engine/guest-state.ts'
import { readyOf } from '../../src/engine/guest-verdict.ts'

const on = { online: true }
const off = { online: false }
const row = (status: string, more: Partial<NonNullable<GuestClues['row']>> = {}) => ({ status, template: false, ...more })
const current = (status: 'running' | 'stopped', qmpstatus: string = status, more: { lock?: string; template?: boolean } = {}) => ({
  status,
  qmpstatus,
  template: false,
  ...more,
})

/** phase's power, and what Ready says: `Ready/reason`, `kept` when nothing is concluded. */
const told = (clues: GuestClues, isSuspended = false): string => {
  const state = guestStateOf(clues)
  const ready = readyOf(state, { vmid: 100, node: 'pve1' }, { isSuspended })
  const [verdict] = ready?.verdicts ?? []
  return `${powerIn(state) ?? 'unknown'} ${verdict ? `${verdict.status}/${verdict.reason}` : `kept (${state.is})`}`
}

describe('what PVE says of a guest', () => {
  it.each<[string, GuestClues, string]>([
    ['a guest that runs', { row: row('running'), node: on }, 'running True/Running'],
    ['a guest that is off', { row: row('stopped'), node: on }, 'stopped True/Stopped'],
    ['a dead node, whose rows keep their last values', { row: row('running'), node: off }, 'unknown kept (unknown)'],
    ['a dead node, whose rows have turned unknown', { row: row('unknown'), node: off }, 'unknown kept (unknown)'],
    ['a node that is online and tells no figures', { row: row('unknown'), node: on }, 'unknown kept (unknown)'],
    ['no row at all', { node: on }, 'unknown kept (unknown)'],
    [
      'a guest asked itself, though its row says nothing',
      { row: row('unknown'), node: on, current: current('running') },
      'running True/Running',
    ],
    ['a guest asked itself, against its older row', { row: row('running'), node: on, current: current('stopped') }, 'stopped True/Stopped'],
    ['a paused guest', { row: row('paused'), node: on }, 'running False/GuestPaused'],
    ['a guest asleep', { row: row('suspended'), node: on }, 'running False/GuestPaused'],
    ['what a migration that broke off left behind', { row: row('postmigrate'), node: on }, 'running False/GuestPaused'],
    ['a guest that is being migrated', { row: row('postmigrate', { lock: 'migrate' }), node: on }, 'running True/Running'],
    ['a crashed machine', { row: row('internal-error'), node: on }, 'running False/GuestPaused'],
    ['a paused guest asked itself', { current: current('running', 'paused') }, 'running False/GuestPaused'],
    ['a guest that stands still for its disk', { row: row('io-error'), node: on }, 'running False/GuestIOError'],
    ['the same asked itself', { current: current('running', 'io-error') }, 'running False/GuestIOError'],
    ['a backup that starts an off guest paused', { row: row('prelaunch', { lock: 'backup' }), node: on }, 'running True/Running'],
    ['a snapshot that holds a guest for a moment', { row: row('paused', { lock: 'snapshot' }), node: on }, 'running True/Running'],
    ['a hibernated guest', { row: row('stopped', { lock: 'suspended' }), node: on }, 'stopped True/Hibernated'],
    ['the same asked itself', { current: current('stopped', 'stopped', { lock: 'suspended' }) }, 'stopped True/Hibernated'],
    ['a guest that is just being hibernated', { row: row('running', { lock: 'suspending' }), node: on }, 'running True/Running'],
    ['a guest that became a template', { row: row('stopped', { template: true }), node: on }, 'stopped kept (template)'],
    ['a run state nobody knows yet', { row: row('colo'), node: on }, 'running True/Running'],
  ])('%s', (_, clues, expected) => expect(told(clues)).toBe(expected))

  it('calls a VM that is off because of a suspension suspended, hibernated or not', () => {
    expect(told({ row: row('stopped'), node: on }, true)).toBe('stopped True/Suspended')
    expect(told({ row: row('stopped', { lock: 'suspended' }), node: on }, true)).toBe('stopped True/Suspended')
  })

  it('says what an admin can do about a guest that stands still', () => {
    const sentence = (run: string) =>
      readyOf(guestStateOf({ row: row(run), node: on }), { vmid: 100, node: 'pve1' }, { isSuspended: false })?.verdicts[1]
    expect(sentence('paused')).toMatchObject({ type: 'Stalled', message: expect.stringContaining('on pve1: qm resume 100') })
    expect(sentence('io-error')).toMatchObject({ type: 'Stalled', message: expect.stringContaining('qm resume 100') })
  })
})
