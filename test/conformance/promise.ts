import type { Report } from './replay/replay.ts'

/** Of a recording's exchanges at most this share may differ, besides those named below. */
const allowedShare = 0.01

/** Exchanges no fair simulator can reproduce, and why; docs/simulator.md names them too. */
export const exceptions: Readonly<Record<string, { ids: readonly string[]; why: string }>> = {
  '30-delete': { ids: ['30-011'], why: 'VM 150 of another recording was left on the recorded server' },
  '31-snapshots': { ids: ['31-061'], why: 'whether a task had to wait for a file lock was chance' },
  '50-e2e-shutdown-and-snapshot': { ids: ['50-059'], why: 'the task list holds tasks of an earlier VM 500' },
  '52-e2e-suspend-backup-reinstall': { ids: ['52-067'], why: 'the task list holds tasks of an earlier VM 502' },
  '60-access': {
    ids: ['60-019', '60-023'],
    why: 'the initial state has an entry on /vms/100 that an earlier destroy had taken away there',
  },
  '62-backup-jobs': { ids: ['62-008'], why: 'next-run is the moment of the recording' },
}

/** Counted differences that nobody has excused. */
export function unexcused(report: Report): string[] {
  const excused = exceptions[report.recording]?.ids ?? []
  return report.differences.filter(({ counted, id }) => counted && !excused.includes(id)).map(({ id }) => id)
}

/** Whether a recording is reproduced as promised. */
export function isKept(report: Report): boolean {
  return unexcused(report).length <= report.exchanges * allowedShare
}
