import type { Pass } from '../pass.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { Look, type Carried } from '../look.ts'
import { tellMovedVolumes } from './moved-volumes.ts'
import { noteLook } from '../note-look.ts'
import { pveNowMs } from '../pve-time.ts'
import { isBirth } from '../../want/birth.ts'
import { markOf, descriptionOf, printObjectLine } from '../../ladder/mark.ts'
import { objectLineOf } from '../../want/object-line.ts'
import type { Ladder } from '../../ladder/step.ts'
import type { Climb } from '../climb-pass.ts'
import { isOursByRestore } from '../restore/restore-state.ts'
import { isRepair, isWellAndRunning } from '../status.ts'
import type { Prepared } from './prepare.ts'
import type { Want, Seen } from '../../ladder/machine.ts'
import { type Obstacle, isOutcome, stalled } from '../../ladder/outcome.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import { systemKeyOf, assignSlots } from '../../want/disk-slots.ts'
import { resolveWire } from '../../want/package.ts'
import { wantOf } from '../../want/want.ts'
import { leavingOf, usedOf } from '../releasing.ts'
import { areSettingsOpen } from './open-settings.ts'
import { storageOf } from '../../proxmox/property-string.ts'

/**
 * The look of a pass. What the pass that asked for a start has seen is good for one more pass, and is taken out of the memory with it.
 */
export function beginLook(pass: Pass, cluster: PveCluster): Look {
  const { carried } = pass.memory.look
  delete pass.memory.look.carried
  const isStarting = pass.draft.status.step?.name === 'start'
  return lookOf(pass, cluster, {
    ...(carried && isStarting && { carried }),
    ...(isListingEnough(pass, cluster) && { listedPower: 'running' as const }),
  })
}

/** A look of its own at the VM of the intent. */
export function lookOf(
  { deps, draft, memory }: Pass,
  cluster: PveCluster,
  known: { carried?: Carried; listedPower?: Seen['power'] } = {},
): Look {
  const { status, vm } = draft
  const vmid = status.vmid ?? 0
  const isFirst = isBirth(status) && !status.firstStartedAt && status.step?.name !== 'start'
  return new Look({
    cluster,
    vmid,
    mark: markOf(vm.metadata.uid ?? '', vmid),
    ...(status.node && !memory.clone.isUnasked && { expectedNode: status.node }),
    proofSinceMs: deps.clock.monotonicMs(),
    // A clone is off until somebody starts it; a start of a VM that runs ends with "already running".
    ...(isFirst && !status.guestSeen && !isSaidToRun(status, cluster) && { presumedPower: 'stopped' as const }),
    pveNowMs: () => pveNowMs(cluster, deps),
    ...known,
    ...((status.possessions || isLeavingFound(status)) && { wantsForeign: true }),
    onLook: noteLook({ deps, draft, memory }),
    ...(isOursByRestore(status) && { isOurs: true }),
    ...(status.template?.isLeft && { takesBare: true }),
  })
}

/** The step that started it is forgotten once another one is tried, such as that of a suspension. */
export const isSaidToRun = ({ remoteStatus, vmid = 0 }: ProxmoxVMStatus, { inventory }: PveCluster): boolean =>
  remoteStatus === 'running' || inventory.current()?.guests.get(vmid)?.status === 'running'

/** An address leaves a VM that was taken over: sets of its other network cards, which stay as found, may allow it. */
const isLeavingFound = ({ adoption, addresses = [] }: ProxmoxVMStatus): boolean =>
  adoption?.takenAt !== undefined && addresses.some(({ state }) => state !== undefined)

/** Its turn has come, nobody is known to have touched it since its power was last read, and the listing says the same. */
function isListingEnough({ draft, memory: { audit, listing } }: Pass, cluster: PveCluster): boolean {
  const { vm, status } = draft
  const row = cluster.inventory.current()?.guests.get(status.vmid ?? 0)
  const isWell = isWellAndRunning(vm) && row?.status === 'running' && row.lock === undefined
  return audit.isRound === true && !listing.isTouched && isWell
}

/** A climb of `ladder` that wants what `want` says once the configuration of the VM shows its disks. */
export function climbOf(pass: Pass, cluster: PveCluster, look: Look, ladder: Ladder, want: Climb['want']): Climb {
  const { status, vm } = pass.draft
  const vmid = status.vmid ?? 0
  const line = printObjectLine(objectLineOf(vm, status, pass.deps.installation.uid))
  const description = descriptionOf(vm, markOf(vm.metadata.uid ?? '', vmid), line)
  return { ...pass, cluster, look, ladder, isRepair: isRepair(vm), identity: { vmid, name: status.vmName ?? '', description }, want }
}

/** What spec, package, grants and the disks of the VM resolve to. Slots and wire are noted in the draft, since they must be in status first. */
export const wantWithSlots = (pass: Pass, cluster: PveCluster, prepared: Prepared, look: Look): Want | Obstacle => {
  const { draft } = pass
  const slots = resolveSlots(draft.status, prepared, look.seen.config)
  if (isOutcome(slots)) return slots
  tellMovedVolumes(pass, slots.disks)
  draft.change((status) => ({ ...status, ...slots }))
  return resolveWant(pass, cluster, prepared, slots, look.seen.config)
}

interface Slots {
  readonly disks: NonNullable<ProxmoxVMStatus['disks']>
  readonly interfaces: NonNullable<ProxmoxVMStatus['interfaces']>
}

/** The slot of every disk and the wire of the network card. */
function resolveSlots(status: ProxmoxVMStatus, { resolved, grants }: Prepared, config: Seen['config']): Slots | Obstacle {
  const { merged } = resolved
  const system = systemKeyOf(status.disks) ?? ''
  // A disk that a lost request may still make keeps its entry: without it nobody would know whose it is.
  const mayCome = areSettingsOpen(status, config) ? (status.disks ?? []).map(({ key }) => key) : []
  const disks = assignSlots(status.disks ?? [], system, merged, config?.values ?? {}, [...(config?.pending ?? []), ...mayCome])
  if (!disks)
    return stalled(
      'PackageInvalid',
      `The bus of ${system} has no free slot for the additional disks of the package; remove disks or choose another bus.`,
    )
  const [net] = status.interfaces ?? []
  const wire = resolveWire(merged, grants, net)
  if (isOutcome(wire)) return wire
  return { disks, interfaces: [{ name: 'net0', macAddress: net?.macAddress ?? '', ...wire }] }
}

function resolveWant(pass: Pass, cluster: PveCluster, prepared: Prepared, { disks, interfaces }: Slots, config: Seen['config']): Want {
  const { deps, draft } = pass
  const { vm, status } = draft
  const { resolved, grants, credentials } = prepared
  const [net] = interfaces
  const storages = cluster.inventory.current()?.storages ?? []
  return wantOf({
    vm,
    status,
    merged: resolved.merged,
    installation: deps.installation.uid,
    isUntagged: cluster.spec.tags === 'None',
    grants,
    leaving: leavingOf(pass),
    stillUsed: usedOf(pass, config),
    net: { bridge: net?.bridge ?? '', ...(net?.vlan !== undefined && { vlan: net.vlan }) },
    ...(credentials && { credentials }),
    storageType: (storage) => storages.find((row) => row.storage === storage)?.pluginType,
    systemDiskStorage: storageOf(disks.find((disk) => disk.name === 'system')?.volume ?? '') ?? '',
  })
}
