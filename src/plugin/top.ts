/** `kubectl pve top`: CPU, memory, disk and network of VMs over the last hour, asked for now, and their traffic of the period. */
import { randomBytes } from 'node:crypto'
import { measureAnnotation } from '../api/group.ts'
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { bytesText } from '../api/size.ts'
import { isForbidden } from './forbidden.ts'
import { listVMs, mustGetVM, printJson, type Session, type WhichVMs } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { table } from './table.ts'
import { waitFor } from './waiting.ts'

/** Each VM that is measured costs two writes to the API server and one request to PVE. */
const mostMeasured = 50
const usualTimeoutSeconds = 120

export interface TopOptions extends WhichVMs {
  /** Shows what the status has, and asks for nothing. */
  recorded?: boolean
  timeout?: number
  output?: 'json'
}

/** One VM; the shape of `-o json`. */
export interface TopRow {
  readonly namespace: string
  readonly name: string
  readonly power?: string
  readonly figures?: NonNullable<ProxmoxVM['status']>['figures']
  readonly usage?: NonNullable<ProxmoxVM['status']>['usage']
}

export async function showTop(session: Session, name: string | undefined, o: TopOptions): Promise<void> {
  if (name !== undefined && (o.allNamespaces === true || o.selector !== undefined))
    throw new PluginRefusal('write the name of a VM, or -A or -l, but not both', exitCodes.usage)
  const found = name === undefined ? await listVMs(session, o) : [await mustGetVM(session, name)]
  const vms = o.recorded === true ? found : await measured(session, found, o)
  const rows = vms.map(topRowOf)
  if (o.output) return printJson(session, rows)
  if (rows.length === 0) return session.shell.out('there is no such ProxmoxVM\n')
  session.shell.out(topTable(rows, o.allNamespaces === true))
}

/** Where nobody may ask, or for too many, what is on record is shown. */
async function measured(session: Session, vms: readonly ProxmoxVM[], o: TopOptions): Promise<readonly ProxmoxVM[]> {
  const { client, shell } = session
  if (vms.length > mostMeasured) {
    shell.err(`${vms.length} VMs: showing what was measured last. At most ${mostMeasured} are measured at a time; choose some by -l.\n`)
    return vms
  }
  const asked = randomBytes(6).toString('hex')
  const annotations = { [measureAnnotation]: asked }
  try {
    for (const { metadata } of vms) await client.mergePatch(proxmoxVMs, idOf(metadata), { metadata: { annotations } })
  } catch (fault) {
    if (!isForbidden(fault)) throw fault
    shell.err('You may not ask for a measurement (patch on proxmoxvms): showing what was measured last.\n')
    return vms
  }
  const timeoutSeconds = o.timeout ?? usualTimeoutSeconds
  return await waitFor(session, { later: 'kubectl pve top --recorded', timeoutSeconds }, async () => {
    const now = await Promise.all(vms.map(async ({ metadata }) => await client.get(proxmoxVMs, idOf(metadata))))
    const there = now.filter((vm) => vm !== undefined)
    const open = there.filter(({ status }) => status?.figures?.measuredFor !== asked).length
    return open === 0 ? { done: there } : { progress: `the operator measures ${open} of ${there.length} VMs` }
  })
}

const idOf = ({ namespace, name }: ProxmoxVM['metadata']) => ({ ...(namespace && { namespace }), name })

/** Pure. */
export function topRowOf({ metadata, status }: ProxmoxVM): TopRow {
  const { remoteStatus: power, figures, usage } = status ?? {}
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    ...(power !== undefined && { power }),
    ...(figures && { figures }),
    ...(usage && { usage }),
  }
}

export function topTable(rows: readonly TopRow[], isOfAll: boolean): string {
  const heads = [
    'NAME',
    'POWER',
    'CPU',
    'MEMORY',
    'DISK-READ/S',
    'DISK-WRITE/S',
    'NET-IN/S',
    'NET-OUT/S',
    'RECEIVED',
    'SENT',
    'TRAFFIC',
    'MEASURED',
  ]
  return table(
    isOfAll ? ['NAMESPACE', ...heads] : heads,
    rows.map((row) => [
      ...(isOfAll ? [row.namespace] : []),
      row.name,
      row.power ?? '',
      ...figureCells(row),
      ...trafficCells(row),
      row.figures?.measuredAt ?? '',
    ]),
  )
}

function figureCells({ figures = { measuredFor: '', measuredAt: '' } }: TopRow): string[] {
  const { cpuMillicores, cpuCores, memoryBytes, maxMemoryBytes, error } = figures
  if (error !== undefined) return [error.slice(0, 60), '', '', '', '', '']
  const bytes = (value: number | undefined) => (value === undefined ? '' : bytesText(value))
  return [
    cpuMillicores === undefined ? '' : `${cpuMillicores}m of ${cpuCores ?? '?'}`,
    memoryBytes === undefined ? '' : `${bytes(memoryBytes)} of ${bytes(maxMemoryBytes)}`,
    bytes(figures.diskReadBytesPerSecond),
    bytes(figures.diskWriteBytesPerSecond),
    bytes(figures.networkInBytesPerSecond),
    bytes(figures.networkOutBytesPerSecond),
  ]
}

/** Without a limit there is nothing to compare with. */
function trafficCells({ usage }: TopRow): string[] {
  if (!usage) return ['', '', '']
  const { receivedBytes, sentBytes, limitBytes, percent, exceeded, estimatedBytes } = usage
  const limit = limitBytes === undefined ? 'no limit' : `${percent} % of ${bytesText(limitBytes)}`
  const notes = [exceeded && `exceeded: ${exceeded}`, estimatedBytes && `${bytesText(estimatedBytes)} estimated`].filter(Boolean)
  return [bytesText(receivedBytes), bytesText(sentBytes), notes.length > 0 ? `${limit} (${notes.join(', ')})` : limit]
}
