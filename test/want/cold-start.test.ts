import { describe, expect, it } from '@jest/globals'
import { judgeProcess, judgeYoung, type ProcessSeen, type StartVerdict } from '../../src/want/cold-start.ts'

const since = '2026-01-01T12:00:00.000Z'
const atMs = (seconds: number) => Date.parse(since) + seconds * 1000
const running = (seconds: number, over: Partial<ProcessSeen> = {}): ProcessSeen => ({
  node: 'pve1',
  power: 'running',
  startedMs: atMs(seconds),
  ...over,
})
const off: ProcessSeen = { node: 'pve1', power: 'stopped', startedMs: 0 }

describe('a guest of which PVE was given another value', () => {
  it.each<[claim: string, process: ProcessSeen, verdict: StartVerdict['is'], noted: { pid?: number }]>([
    ['is off: it reads the new drive at its start', off, 'started', {}],
    ['is off on another node', { ...off, node: 'pve2' }, 'started', {}],
    ['is hibernated: it goes on with the old drive', { ...off, lock: 'suspended' }, 'unknown', {}],
    ['is being hibernated', { ...off, lock: 'suspending' }, 'unknown', {}],
    ['is off and being backed up', { ...off, lock: 'backup' }, 'started', {}],
    ['runs in a process younger by 31 s: its tasks decide', running(31), 'young', {}],
    ['runs in a process younger by 30 s: the clocks may differ', running(30), 'unknown', {}],
    ['runs in a process of the same moment', running(0), 'unknown', {}],
    ['runs in a process older by 29 s', running(-29), 'unknown', {}],
    ['runs in a process older by 31 s', running(-31), 'same', {}],
    ['runs in the process that was noted, however young', running(-2, { pid: 4711 }), 'same', { pid: 4711 }],
    ['runs in another process of about that time', running(-2, { pid: 4712 }), 'unknown', { pid: 4711 }],
    ['runs much later under the same number', running(500, { pid: 4711 }), 'young', { pid: 4711 }],
    ['runs on another node, in a young process: it may have come by an online migration', running(500, { node: 'pve2' }), 'unknown', {}],
    ['runs on another node, in an old process', running(-500, { node: 'pve2' }), 'unknown', {}],
  ])('%s', (_claim, process, verdict, noted) => {
    expect(judgeProcess({ since, node: 'pve1', ...noted }, process).is).toBe(verdict)
  })

  it.each<[claim: string, tasks: string[] | undefined, verdict: StartVerdict['is']]>([
    ['was stopped and started', ['qmstop', 'qmstart'], 'started'],
    ['was rebooted by PVE', ['qmreboot', 'qmstart'], 'started'],
    ['was started by HA', ['hastart', 'qmstart'], 'started'],
    ['was started by nobody whose task is on the list', [], 'started'],
    ['went to another node and came back', ['qmigrate'], 'unknown'],
    ['was hibernated and started', ['qmsuspend', 'qmstart'], 'unknown'],
    ['was resumed', ['qmresume'], 'unknown'],
    ['was rolled back, perhaps with its memory', ['qmsnapshot', 'qmrollback'], 'unknown'],
    ['has more tasks than PVE shows', undefined, 'unknown'],
  ])('that %s', (_claim, tasks, verdict) => {
    expect(judgeYoung(tasks).is).toBe(verdict)
  })
})
