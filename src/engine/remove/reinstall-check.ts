/** Everything a new VM needs, resolved while the old one is still there: what cannot be made again is not destroyed. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { missingFrom } from '../../cluster/privileges.ts'
import type { Listing } from '../../proxmox/listing.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { parseSizeMiB } from '../../api/size.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import { prepare } from '../apply/prepare.ts'
import { rehearseIntent } from '../create/intent.ts'
import { backupUnderWay } from '../backup-under-way.ts'
import type { Pass } from '../pass.ts'
import { forgetOldDisk, type Running } from '../reinstall-state.ts'
import { VMStatusDraft } from '../status-draft.ts'
import { notThere } from '../storage-words.ts'
import { type Obstacle, isOutcome, stalled } from '../../ladder/outcome.ts'

const bytesPerMiB = 1024 * 1024

export type ReinstallRequest = Pick<Running, 'requestID' | 'template'>

/** Why this request cannot begin; nothing was deleted for it. Undefined: its place is promised. */
export const hindranceOf = async (pass: Pass, cluster: PveCluster, request: ReinstallRequest): Promise<Obstacle | undefined> =>
  told(await find(pass, cluster, request), request, { byCommand: 'This command', state: 'has not begun' })

/**
 * Why the old VM is not deleted for a request that has begun: it may have waited for hours, for a lock, for a person or for the brake, and what
 * the new VM needs may be gone since.
 */
export const hindranceSince = async (pass: Pass, cluster: PveCluster, request: ReinstallRequest): Promise<Obstacle | undefined> =>
  told(await find(pass, cluster, request), request, { byCommand: 'The reinstall by command', state: 'cannot go on' })

function told(
  found: Obstacle | undefined,
  { requestID, template }: ReinstallRequest,
  words: { byCommand: string; state: string },
): Obstacle | undefined {
  const what = requestID.startsWith('command/') ? words.byCommand : `Reinstall ${requestID}`
  const named = template?.name ?? (template?.vmid === undefined ? template?.tag : `VMID ${template.vmid}`)
  const of = named === undefined ? '' : ` (template ${named})`
  return found && { ...found, message: `${what}${of} ${words.state}, and nothing was deleted. ${found.message}` }
}

async function find(pass: Pass, cluster: PveCluster, request: ReinstallRequest): Promise<Obstacle | undefined> {
  const { deps, draft } = pass
  if (cluster.deleting) return stalled('ClusterDeleting', `ProxmoxCluster ${cluster.name} is being deleted and accepts no new VMs.`)
  const backup = backupUnderWay(pass)
  if (backup) return backup
  const prepared = await prepare(pass)
  if (isOutcome(prepared)) return prepared
  const running = { ...request, since: draft.status.intentAt ?? '' }
  const status = forgetOldDisk(running)(draft.status)
  const vm = { ...draft.vm, status }
  const asNew = new VMStatusDraft({ vm, client: deps.client, store: deps.vms })
  // What was true ten seconds ago is not enough for what cannot be undone.
  const listing = await cluster.inventory.since(deps.clock.monotonicMs())
  const away = storageAway(listing, draft.status)
  if (away) return away
  const input = { ...pass, draft: asNew, cluster, ...prepared }
  const rehearsed = await rehearseIntent(input, draft.status.vmid ?? 0, listingWithout(listing, draft.status))
  if (rehearsed.is !== 'done') return rehearsed
  return (await privilegesLacking(cluster)) ?? (await poolMissing(cluster, listing.guests.get(draft.status.vmid ?? 0)?.pool))
}

/** PVE refuses a clone into a pool that it does not have. `pool`: the one in which the VM is; it is there, and the new VM is made in it. */
async function poolMissing({ name, spec, pve }: PveCluster, pool: string | undefined): Promise<Obstacle | undefined> {
  const { pvePool } = spec
  if (pool !== undefined || pvePool === undefined || (await pve.hasPool(pvePool)) !== false) return undefined
  const what = `PVE has no pool "${pvePool}" (spec.pvePool of ProxmoxCluster ${name}), in which the new VM would be made`
  return stalled('InvalidForPVE', `${what}; an admin must create it (pvesh create /pools --poolid ${pvePool}) or correct spec.pvePool.`)
}

/** Asked of PVE now: what the last check of the ProxmoxCluster found may be minutes old. */
async function privilegesLacking(cluster: PveCluster): Promise<Obstacle | undefined> {
  const { majorVersion: major } = cluster.facts() ?? {}
  if (major === undefined) return undefined
  const all = missingFrom(await cluster.pve.permissions(), { major, pool: cluster.spec.pvePool })
  const needed = all.filter(({ capability }) => capability === undefined)
  if (needed.length === 0) return undefined
  const named = needed.map(({ privilege, path }) => `${privilege} on ${path}`).join(', ')
  return stalled('PermissionDenied', `The token lacks ${named}, without which the new VM cannot be made; grant it (pve-operator role).`)
}

/** PVE deletes a VM whose storage is off and leaves its volumes there, where they are in the way of the new VM's. */
export function storageAway({ guests, storages }: Listing, { vmid, disks }: ProxmoxVMStatus): Obstacle | undefined {
  const node = guests.get(vmid ?? 0)?.node
  for (const { name, volume } of disks ?? []) {
    const storage = storageOf(volume ?? '')
    const row = storages.find((one) => one.storage === storage && one.node === node)
    if (storage === undefined || node === undefined || row?.available) continue
    const what = `Storage ${storage} with disk ${name} of VM ${vmid} is ${notThere(row, storage, node)}`
    return stalled('StorageOff', `${what}; an admin must bring it back.`)
  }
  return undefined
}

/** The cluster as it is once the VM is gone: its memory and the room of its disks are free. */
export function listingWithout(listing: Listing, { vmid, disks }: ProxmoxVMStatus): Listing {
  const guest = listing.guests.get(vmid ?? 0)
  if (!guest) return listing
  const freed = new Map<string, number>()
  for (const { volume, size } of disks ?? []) {
    const storage = storageOf(volume ?? '')
    if (storage && size) freed.set(storage, (freed.get(storage) ?? 0) + parseSizeMiB(size) * bytesPerMiB)
  }
  const guests = new Map([...listing.guests].filter(([id]) => id !== vmid))
  const storages = listing.storages.map((row) => {
    const bytes = row.shared || row.node === guest.node ? (freed.get(row.storage) ?? 0) : 0
    return bytes === 0 ? row : { ...row, usedBytes: Math.max(0, row.usedBytes - bytes) }
  })
  return { ...listing, guests, storages }
}
