/** The status of a VM whose record was lost, as PVE and the PoolAddresses tell it (pure). */
import type { Package } from '../../api/package.ts'
import { progressOf } from '../../api/progress.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { templateFactsOf } from '../../cluster/template-facts.ts'
import { doneByKind } from '../../want/object-line.ts'
import { periodAt } from '../../want/traffic-period.ts'
import { timeInSeconds } from '../../api/time.ts'
import { parseMark, unionOfDone } from '../../ladder/mark.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { diskSizeMiB, parseDrive } from '../../proxmox/property-string.ts'
import { formatSize } from '../../api/size.ts'
import { holds, readiness } from '../conditions.ts'
import { judged, type Change } from '../status.ts'

type Values = Readonly<Record<string, string>>
type Disks = NonNullable<ProxmoxVMStatus['disks']>

export interface TakenBack {
  readonly vm: ProxmoxVM
  readonly node: string
  readonly vmid: number
  readonly values: Values
  readonly power: 'running' | 'stopped'
  /** It never finished its ladder: the birth goes on. */
  readonly isUnfinished: boolean
  readonly merged: Package | undefined
  readonly packageSource: ProxmoxVMStatus['packageSource']
  readonly addresses: NonNullable<ProxmoxVMStatus['addresses']>
  readonly template: ProxmoxVMStatus['template']
  /** From then on backups are this VM's; RFC 3339. */
  readonly clonedAt: string
  /** Name of the Secret with the generated password. */
  readonly credentials: string | undefined
  readonly passwordVersion: string | undefined
  /** Which disks are the additional ones of the package. Absent: those of the system disk's bus, in their order. */
  readonly diskKeys?: readonly { readonly name: string; readonly key: string }[]
  readonly nowIso: string
}

/**
 * What a finished VM is counts as settled: what differs from the spec is drift, of which only what PVE takes live is put back. It counts as
 * started, so that a VM somebody switched off stays off.
 */
export const takenBack =
  (o: TakenBack): Change =>
  (before) => {
    const { step: _, change: __, ...kept } = before
    const status = { ...kept, ...identityOf(o), ...requestsOf(o, before) }
    if (o.isUnfinished) return judged(o.vm, o.nowIso, [holds('Cloned')])({ ...status, localStatus: 'clone', progress: progressOf('clone') })
    const { verdicts, dropped } = readiness('ready', o.power === 'running' ? 'Running' : 'Stopped', '')
    return judged(
      o.vm,
      o.nowIso,
      [...verdicts, holds('Cloned')],
      dropped,
    )({
      ...status,
      observedGeneration: o.vm.metadata.generation ?? 0,
      localStatus: 'ready',
      progress: progressOf('ready'),
      remoteStatus: o.power,
      firstReadyAt: before.firstReadyAt ?? o.nowIso,
      firstStartedAt: before.firstStartedAt ?? o.nowIso,
      ...usageOf(o, before),
    })
  }

/** Its counters were lost with the record: what PVE keeps of this period (rrddata) takes their place. */
function usageOf({ merged, clonedAt, nowIso }: TakenBack, { usage }: ProxmoxVMStatus): Pick<ProxmoxVMStatus, 'usage'> {
  if (!merged?.traffic || usage) return {}
  const { startMs } = periodAt(Date.parse(nowIso), merged.traffic.resetDay)
  const measuredAt = timeInSeconds(Math.max(startMs, Date.parse(clonedAt)))
  return { usage: { periodStart: timeInSeconds(startMs), receivedBytes: 0, sentBytes: 0, measuredAt } }
}

function identityOf(o: TakenBack): Partial<ProxmoxVMStatus> {
  const { vm, node, vmid, values, merged, nowIso } = o
  const name = values.name ?? vm.metadata.name
  const net = parseNet(values.net0 ?? '')
  const [bridge, tag] = [net.options.get('bridge'), net.options.get('tag')]
  return {
    node,
    vmid,
    intentAt: nowIso,
    clonedAt: o.clonedAt,
    hostname: name,
    vmName: name,
    interfaces: [
      { name: 'net0', macAddress: (net.macAddress ?? '').toUpperCase(), ...(bridge && { bridge }), ...(tag && { vlan: Number(tag) }) },
    ],
    disks: disksOf(values, merged ?? {}, o.diskKeys),
    ...(o.template && { template: o.template }),
    ...(o.addresses.length > 0 && { addresses: o.addresses }),
    ...(merged && { package: merged }),
    ...(o.packageSource && { packageSource: o.packageSource }),
    ...(o.credentials !== undefined && { credentialsSecretRef: { name: o.credentials } }),
    ...(o.passwordVersion !== undefined && { cloudInit: { passwordVersion: o.passwordVersion } }),
  }
}

/**
 * A request that the description does not know was not carried out. A description of a version that did not write them knows none: then the
 * one in the spec counts as done, since nothing is destroyed on a guess.
 */
function requestsOf({ vm, values }: TakenBack, { reinstall, restore }: ProxmoxVMStatus): Pick<ProxmoxVMStatus, 'reinstall' | 'restore'> {
  const mark = parseMark(values.description)
  const [asked, wanted] = [vm.spec.reinstall?.requestID, vm.spec.restore?.requestID]
  const known = mark?.object && doneByKind(mark.object.done)
  const completedIDs = unionOfDone(known?.reinstalls ?? (asked ? [asked] : []), reinstall?.completedIDs ?? [])
  const restored = unionOfDone(known?.restores ?? (wanted ? [wanted] : []), restore?.completedIDs ?? [])
  return {
    ...(completedIDs.length > 0 && { reinstall: { completedIDs } }),
    ...(restored.length > 0 && { restore: { completedIDs: restored } }),
  }
}

/** The disks of the package are on the system disk's bus in the order of their slots; names are not in PVE. */
function disksOf(values: Values, merged: Package, named: TakenBack['diskKeys']): Disks {
  const { systemDisk, disks } = templateFactsOf({ node: '', vmid: 0 }, { ...values, digest: '' })
  if (!systemDisk) return []
  const others = disks.filter(({ key }) => key !== systemDisk.key && busOf(key) === busOf(systemDisk.key))
  const additional = (merged.additionalDisks ?? []).flatMap(({ name, removalPolicy }, at) => {
    const key = named ? named.find((one) => one.name === name)?.key : others[at]?.key
    return key === undefined ? [] : [{ name, key, ...seen(values[key]), removalPolicy: removalPolicy ?? 'Keep' }]
  })
  return [{ name: 'system', key: systemDisk.key, ...seen(values[systemDisk.key]) }, ...additional]
}

const busOf = (key: string) => key.replace(/\d+$/, '')

function seen(value: string | undefined): Partial<Disks[number]> {
  if (value === undefined) return {}
  const drive = parseDrive(value)
  const sizeMiB = diskSizeMiB(drive.options.get('size'))
  return { volume: drive.volume, ...(sizeMiB !== undefined && { size: formatSize(Math.round(sizeMiB)) }) }
}
