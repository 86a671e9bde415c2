/** CPU, memory, disk and network of a VM over the last hour, read from PVE when somebody asks (`kubectl pve top`). */
import { measureAnnotation } from '../api/group.ts'
import type { FiguresStatus } from '../api/usage.ts'
import { nowIso } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { judge } from '../proxmox/failures.ts'
import type { AverageRow } from '../proxmox/vm-support.ts'

/** The request that is not answered yet. */
export function measureAsked({ vm, status }: Pass['draft']): string | undefined {
  const asked = vm.metadata.annotations?.[measureAnnotation]?.slice(0, 128)
  return asked === status.figures?.measuredFor ? undefined : asked
}

/** One request to PVE. Whatever comes of it is an answer. */
export async function measure({ deps, draft }: Pass, asked: string): Promise<void> {
  const cluster = deps.clusters.get(draft.vm.spec.clusterRef.name)
  const { node, vmid } = draft.status
  const answer = { measuredFor: asked, measuredAt: nowIso(deps.clock) }
  const say = (figures: Omit<FiguresStatus, 'measuredFor' | 'measuredAt'>) =>
    draft.change((status) => ({ ...status, figures: { ...answer, ...figures } }))
  if (!cluster || node === undefined || vmid === undefined) return say({ error: 'There is no VM in PVE yet.' })
  try {
    say(averagesOf(await cluster.pve.support({ node, vmid }).averages('hour')))
  } catch (fault) {
    say({ error: judge(fault).message.slice(0, 512) })
  }
}

/** Over the rows in which the VM ran; the newest of them tells its size. Pure. */
export function averagesOf(rows: readonly AverageRow[]): Omit<FiguresStatus, 'measuredFor' | 'measuredAt'> {
  const known = rows.filter(({ memBytes, cpu }) => memBytes !== undefined && cpu !== undefined)
  const [newest, second] = [known.at(-1), rows[1]]
  const first = rows[0]
  if (!newest || !first || !second) return {}
  const mean = (of: (row: AverageRow) => number | undefined): number =>
    Math.round(known.reduce((total, row) => total + (of(row) ?? 0), 0) / known.length)
  return {
    minutes: Math.round((known.length * (second.timeSeconds - first.timeSeconds)) / 60),
    cpuMillicores: mean(({ cpu = 0, maxCpu = 1 }) => cpu * maxCpu * 1000),
    ...(newest.maxCpu !== undefined && { cpuCores: Math.round(newest.maxCpu) }),
    memoryBytes: mean(({ memBytes }) => memBytes),
    ...(newest.maxMemBytes !== undefined && { maxMemoryBytes: Math.round(newest.maxMemBytes) }),
    diskReadBytesPerSecond: mean(({ readPerSecond }) => readPerSecond),
    diskWriteBytesPerSecond: mean(({ writtenPerSecond }) => writtenPerSecond),
    networkInBytesPerSecond: mean(({ receivedPerSecond }) => receivedPerSecond),
    networkOutBytesPerSecond: mean(({ sentPerSecond }) => sentPerSecond),
  }
}
