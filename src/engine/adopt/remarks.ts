/** What a person must know of a guest before it is taken over, beside what differs from the spec. Asks PVE; for reports only. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { parseDurationSeconds } from '../../api/size.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { parseAddress } from '../../ipam/address.ts'
import { sameAddress } from '../../ipam/choice.ts'
import { ruleName } from '../../ladder/mark.ts'
import { typeOfUpid, userOfUpid } from '../../proxmox/upid.ts'
import { judge } from '../../proxmox/failures.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive } from '../../proxmox/property-string.ts'
import { reasonForCloudInit } from '../../want/cloud-init.ts'
import { isSuspended } from '../../want/suspension.ts'
import { shownAddresses } from '../create/take-back.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { backupPlaces } from '../remove/backups.ts'
import { poolOf } from './prospect.ts'
import { pveNowMs } from '../pve-time.ts'

type Values = Readonly<Record<string, string>>

const most = 64
const longest = 512

/** Sentences, the most pressing first. What PVE does not answer is said. */
export async function remarksOn(pass: Pass, cluster: PveCluster, look: Look, status: ProxmoxVMStatus): Promise<string[]> {
  const values = look.seen.config?.values ?? {}
  const all = [
    ...stateRemarks(pass, look),
    ...driveRemarks(pass, values, status),
    ...(await addressRemarks(pass, look, status)),
    ...hardwareRemarks(values, status),
    ...firewallRemarks(look),
    ...(await asked('snapshots', async () => await snapshotRemarks(pass, cluster, look, status.package?.snapshots?.lifetime))),
    ...(await asked('tasks', async () => await taskRemarks(pass, cluster, look))),
    ...(await asked('backups', async () => await backupRemarks(cluster, look, status))),
  ]
  return all.slice(0, most).map((remark) => remark.slice(0, longest))
}

async function asked(what: string, ask: () => Promise<string[]>): Promise<string[]> {
  try {
    return await ask()
  } catch (fault) {
    return [`PVE does not show its ${what}: ${judge(fault).message.trim()}.`]
  }
}

function stateRemarks({ draft: { vm } }: Pass, { seen }: Look): string[] {
  const pending = seen.config?.pending ?? []
  return [
    ...(seen.lock ? [`PVE holds the lock "${seen.lock}" on it; mode: Take waits until PVE releases the lock.`] : []),
    ...(seen.isHaManaged ? ["PVE's high availability manages it; that configuration does not change."] : []),
    ...(isSuspended(vm) && seen.power === 'running'
      ? ['spec.suspensions is not empty, so the operator shuts it down after taking it over.']
      : []),
    ...(pending.length > 0 ? [`It has changes that PVE applies at its next start from off: ${pending.join(', ')}.`] : []),
    ...(isUnpinnedWindows(seen.config?.values ?? {})
      ? ['PVE records the machine version of a Windows guest at the first write, which is the owner line of the operator.']
      : []),
    ...(seen.config?.values.protection === '1'
      ? ['Its protection flag is set in PVE; a deletion of the VM would wait until the flag is off.']
      : []),
  ]
}

/** PVE::QemuServer::Machine pins the version with any change of the configuration. */
const isUnpinnedWindows = ({ ostype = '', machine }: Values): boolean =>
  ostype.startsWith('w') && [undefined, 'pc', 'q35'].includes(machine)

function driveRemarks({ draft: { vm } }: Pass, values: Values, { addresses = [] }: ProxmoxVMStatus): string[] {
  const hasDrive = Object.entries(values).some(([key, value]) => isDriveKey(key) && isCloudInit(parseDrive(value)))
  const why = reasonForCloudInit(vm, addresses)
  return hasDrive || why === undefined ? [] : [`It has no cloud-init drive, and ${why}. Later changes of it do not reach the guest.`]
}

async function addressRemarks(pass: Pass, look: Look, { addresses = [] }: ProxmoxVMStatus): Promise<string[]> {
  const { deps, draft } = pass
  const shown = await shownAddresses(look)
  const strays = shown.filter((text) => !addresses.some(({ address }) => sameAddress(address, text)))
  const outside = strays.map((text) => {
    const pool = poolOf(pass, text)
    return pool === undefined
      ? `Its address ${text} is in no IPPool that serves this cluster, so nothing prevents that it is used twice.`
      : `Its address ${text} is in IPPool ${pool}, and it is not in spec.addresses.`
  })
  const held = addresses.flatMap(({ address, pool }) => {
    const holder = holderOf(pass, address, pool)
    return holder !== undefined && holder !== draft.vm.metadata.uid && deps.isLiving(holder)
      ? [`Its address ${address} of IPPool ${pool} belongs to another ProxmoxVM (uid ${holder}).`]
      : []
  })
  return [...held, ...outside]
}

function holderOf({ deps }: Pass, address: string, pool: string): string | undefined {
  const view = deps.book.pools.view(pool)
  const parsed = parseAddress(address)
  const state = view && parsed && deps.book.pools.availability(view, parsed, deps.clock.now())
  return state?.is === 'held' ? state.by.spec.claimRef?.uid : undefined
}

/** Left alone for good: they are in no package. */
function hardwareRemarks(values: Values, { disks = [] }: ProxmoxVMStatus): string[] {
  const known = new Set(disks.map(({ key }) => key))
  const drives = Object.keys(values).filter((key) => isDriveKey(key) && !known.has(key) && !isCdrom(parseDrive(values[key] ?? '')))
  const nics = Object.keys(values).filter((key) => /^net[1-9]\d*$/.test(key))
  const others = Object.keys(values).filter((key) =>
    /^(?:hostpci|usb|unused|efidisk|tpmstate)\d+$|^(?:args|hookscript|cicustom)$/.test(key),
  )
  return [
    ...(drives.length > 0
      ? [`Disks that the spec does not name stay as they are: ${drives.map((key) => `${key} (${values[key]})`).join(', ')}.`]
      : []),
    ...(nics.length > 0 ? [`Network cards beyond net0 stay as they are: ${nics.map((key) => `${key} (${values[key]})`).join(', ')}.`] : []),
    ...(others.length > 0 ? [`Left as they are: ${others.map((key) => `${key} (${values[key]})`).join(', ')}.`] : []),
  ]
}

function firewallRemarks({ seen }: Look): string[] {
  const foreign = (seen.firewall?.rules ?? []).filter(({ fields }) => ruleName(fields.comment) === undefined)
  return foreign.length === 0 ? [] : [`It has ${foreign.length} firewall rules of its own; they stay.`]
}

async function snapshotRemarks({ deps }: Pass, cluster: PveCluster, look: Look, lifetime: string | undefined): Promise<string[]> {
  const found = await cluster.pve.snapshots(look.at).list()
  if (found.length === 0) return []
  const nowMs = pveNowMs(cluster, deps)
  const named = found
    .toSorted((a, b) => a.takenAt - b.takenAt)
    .map(({ name, takenAt }) => `${name} (${Math.floor((nowMs / 1000 - takenAt) / 86_400)} days old)`)
  const mostMs = lifetime === undefined ? Infinity : parseDurationSeconds(lifetime) * 1000
  const old = found.filter(({ takenAt }) => nowMs - takenAt * 1000 > mostMs).map(({ name }) => name)
  return [
    `It has ${found.length} snapshots; they stay, and PVE does not change disks that have snapshots: ${named.join(', ')}.`,
    ...(old.length > 0 ? [`Snapshots older than the package allows (${lifetime}); they stay as well: ${old.join(', ')}.`] : []),
  ]
}

/** So long ago a task may have been of a cron job that still works on the guest. */
const taskDays = 3

async function taskRemarks({ deps }: Pass, cluster: PveCluster, look: Look): Promise<string[]> {
  const since = Math.floor(pveNowMs(cluster, deps) / 1000) - taskDays * 86_400
  const rows = await cluster.pve.tasks(look.at.node, { source: 'all', vmid: look.at.vmid, since, limit: 100 })
  const users = new Map<string, Set<string>>()
  for (const { upid } of rows) {
    const kinds = users.get(userOfUpid(upid)) ?? new Set()
    users.set(userOfUpid(upid), kinds.add(typeOfUpid(upid)))
  }
  return [...users].map(([user, kinds]) => `In the last ${taskDays} days ${user} worked on it: ${[...kinds].join(', ')}.`)
}

async function backupRemarks(cluster: PveCluster, { at }: Look, status: ProxmoxVMStatus): Promise<string[]> {
  const listing = cluster.inventory.current()
  if (!listing) return []
  const places = backupPlaces(listing, status).filter(({ isOff }) => isOff === undefined)
  const lists = await Promise.all(places.map(async ({ node, storage }) => await cluster.pve.backups(node, storage, at.vmid)))
  const newest = lists.flat().toSorted((a, b) => b.ctime - a.ctime)[0]
  if (!newest) return ['PVE shows no backup of it.']
  const jobs = await cluster.pve.tasks(at.node, { source: 'all', typefilter: 'vzdump', vmid: at.vmid, limit: 1 })
  const by = jobs[0] ? `; the last backup task was of ${userOfUpid(jobs[0].upid)}` : ''
  const count = lists.flat().length
  return [`Its last backup is ${newest.volid} of ${new Date(newest.ctime * 1000).toISOString().slice(0, 16)}Z (${count} in all)${by}.`]
}
