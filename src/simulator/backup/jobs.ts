/** Backup jobs: the vzdump sections of jobs.cfg (PVE::VZDump::JobBase, PVE::VZDump::Plugin). */
import { splitList } from '../schema/named.ts'

/** A job's options as they were sent; `vmid` and `exclude` are comma lists. */
export type BackupJob = Record<string, string | number>

function without(list: string | number, vmid: number): string {
  return splitList(String(list))
    .filter((one) => one !== String(vmid))
    .join(',')
}

/** What a destroy with `purge` does: the guest leaves every list; a job that would back up nothing any more goes with it. */
export function forgetInJobs(jobs: Map<string, BackupJob>, vmid: number): void {
  for (const [id, job] of jobs) {
    if (job['vmid'] !== undefined) {
      const left = without(job['vmid'], vmid)
      if (left === '') jobs.delete(id)
      else job['vmid'] = left
    } else if (job['exclude'] !== undefined) {
      const left = without(job['exclude'], vmid)
      if (left === '') delete job['exclude']
      else job['exclude'] = left
    }
  }
}

/** Whom a job or a vzdump call names: a list, a pool or all but some (PVE::VZDump get_included_guests). */
export function includedIn(
  job: Readonly<Record<string, unknown>>,
  known: { vmids: Iterable<number>; poolOf(name: string): Iterable<number> },
): number[] {
  if (typeof job['pool'] === 'string') return [...known.poolOf(job['pool'])]
  const { vmid } = job
  if (typeof vmid === 'string' || typeof vmid === 'number') return splitList(String(vmid)).map(Number)
  if (Number(job['all'] ?? 0) === 0) return []
  const excluded = new Set(splitList(typeof job['exclude'] === 'string' ? job['exclude'] : '').map(Number))
  return [...known.vmids].filter((vmid) => !excluded.has(vmid))
}
