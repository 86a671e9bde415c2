/** Whether a VM may be rolled back to a snapshot now, and what that would do; all of it before anything is done. */
import type { PveCluster } from '../cluster/cluster.ts'
import { capabilityOff } from '../cluster/capabilities.ts'
import { conditionOf } from '../api/condition.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm-status.ts'
import { lookOf } from '../engine/apply/ascent.ts'
import { freshMemory } from '../engine/memory.ts'
import { observes, wouldDo } from '../engine/observe.ts'
import type { Pass } from '../engine/pass.ts'
import { storageAway } from '../engine/remove/reinstall-check.ts'
import { isCdrom, isDriveKey, parseDrive } from '../proxmox/property-string.ts'
import { holdersOf, isSuspended } from '../want/suspension.ts'
import { isOf, snapshotName } from './life.ts'
import { listSnapshots } from './listed.ts'

/** What a rollback will find. */
export interface RollbackPlan {
  /** Name in PVE. */
  readonly snapshot: string
  readonly withMemory: boolean
  readonly isRunning: boolean
  /** Names of disks made since, which PVE detaches and the next steps attach again; and slots of others', which stay detached. */
  readonly attachedAgain: readonly string[]
  readonly detached: readonly string[]
}

export interface RollbackObjection {
  readonly why: string
}

type Values = Readonly<Record<string, string>>

/** Looks at the snapshot in PVE. `object`: name of the ProxmoxVMSnapshot. */
export async function checkRollback(pass: Pass, cluster: PveCluster, object: string): Promise<RollbackPlan | RollbackObjection> {
  if (observes(cluster)) return { why: wouldDo(cluster, `VM ${pass.draft.status.vmid} would be rolled back`).message }
  const objection = objectObjection(pass, object) ?? capabilityOff(cluster.facts(), 'snapshot')
  if (objection !== undefined) return { why: objection }
  const found = pass.deps.snapshotsOf(pass.key).find(({ metadata }) => metadata.name === object)
  const snapshot = found ? snapshotName(found) : ''
  const listed = (await listSnapshots(pass, cluster)).find(({ name }) => name === snapshot)
  if (!listed) return { why: `PVE has no snapshot ${snapshot} of VM ${pass.draft.status.vmid} any more.` }
  if (listed.state !== undefined) return { why: `PVE has not finished snapshot ${snapshot} (${listed.state}).` }
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  await look.need('config')
  const current = await cluster.pve.statusCurrent(look.at)
  const now = look.seen.config?.values ?? {}
  const then = await cluster.pve.snapshots(look.at).config(snapshot)
  // PVE stops the guest and takes back one disk after another: one that it does not reach would leave the VM half gone back.
  const away = storageAway(await cluster.inventory.since(pass.deps.clock.monotonicMs()), { vmid: look.at.vmid, disks: disksIn(pass, then) })
  if (away) return { why: away.message }
  const starts = listed.withMemory || current.haManaged
  const why = starts ? startObjection(pass, now, then, listed.withMemory) : undefined
  if (why !== undefined) return { why }
  return { snapshot, withMemory: listed.withMemory, isRunning: current.status === 'running', ...disksSince(pass, now, then) }
}

function objectObjection({ deps, key, draft }: Pass, name: string): string | undefined {
  const found = deps.snapshotsOf(key).find(({ metadata }) => metadata.name === name)
  if (!found) return `ProxmoxVMSnapshot "${name}" of this VM does not exist.`
  if (!isOf(found, draft.vm.metadata.uid ?? '')) return `ProxmoxVMSnapshot "${name}" belongs to a former VM of this name.`
  if (found.metadata.deletionTimestamp) return `ProxmoxVMSnapshot "${name}" is being deleted.`
  const ready = conditionOf(found.status?.conditions, 'Ready')
  if (ready?.status === 'True') return undefined
  return `ProxmoxVMSnapshot "${name}" cannot be used for a rollback: ${ready?.message ?? 'PVE has not taken it yet.'}`
}

/** PVE starts the guest itself, before anything could be put right: with the addresses of then, which somebody else may have by now. */
function startObjection({ draft: { vm } }: Pass, now: Values, then: Values, withMemory: boolean): string | undefined {
  const starter = withMemory
    ? 'The memory is in this snapshot, and PVE starts the guest from it'
    : 'High availability starts the guest after the rollback'
  if (isSuspended(vm)) return `${starter}; the VM is suspended by ${holdersOf(vm)}.`
  if (vm.spec.runStrategy === 'Halted') return `${starter}; runStrategy is Halted.`
  const keys = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((key) => /^(net|ipconfig)\d+$/.test(key)).toSorted()
  const differing = keys.filter((key) => now[key] !== then[key])
  if (differing.length === 0) return undefined
  const named = differing.map((key) => `${key} is ${now[key] ?? 'not set'} and was ${then[key] ?? 'not set'}`)
  return `${starter}, with the old network: ${named.join('; ')}. Use a snapshot without memory.`
}

/** What a rollback writes: the disks in the snapshot, with the names they have in the package, and the memory. */
function disksIn({ draft: { status } }: Pass, then: Values): NonNullable<ProxmoxVMStatus['disks']> {
  const keys = Object.keys(then).filter((key) => isDriveKey(key) && !isCdrom(parseDrive(then[key] ?? '')))
  const drives = keys.map((key) => {
    return { name: status.disks?.find((disk) => disk.key === key)?.name ?? key, key, volume: parseDrive(then[key] ?? '').volume }
  })
  return then.vmstate === undefined ? drives : [...drives, { name: 'memory', key: 'vmstate', volume: then.vmstate }]
}

function disksSince({ draft: { status } }: Pass, now: Values, then: Values): Pick<RollbackPlan, 'attachedAgain' | 'detached'> {
  const volumes = new Set(Object.entries(then).flatMap(([key, value]) => (isDriveKey(key) ? [parseDrive(value).volume] : [])))
  const since = Object.entries(now).filter(([key, value]) => {
    return isDriveKey(key) && !isCdrom(parseDrive(value)) && !volumes.has(parseDrive(value).volume)
  })
  const noted = (key: string) => status.disks?.find((disk) => disk.key === key && disk.name !== 'system')?.name
  return {
    attachedAgain: since.flatMap(([key]) => noted(key) ?? []),
    detached: since.flatMap(([key]) => (noted(key) === undefined ? [key] : [])),
  }
}

/** What a person should know before: `disks made since are attached again: data`. */
export function rollbackSentence(object: string, { snapshot, withMemory, isRunning, attachedAgain, detached }: RollbackPlan): string {
  const end = withMemory
    ? 'the guest continues from the memory in the snapshot'
    : isRunning
      ? 'the operator starts the VM again'
      : 'the VM stays off'
  return [
    `PVE rolls the VM back to ${object} (${snapshot}): everything written since is lost, and ${end}.`,
    attachedAgain.length > 0 ? `The operator attaches newer disks again: ${attachedAgain.join(', ')}.` : '',
    detached.length > 0 ? `Newer disks of others stay detached: ${detached.join(', ')}.` : '',
  ]
    .filter(Boolean)
    .join(' ')
}
