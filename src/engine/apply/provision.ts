import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { VMPackage } from '../../api/vmpackage.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import { claimAddresses, releaseSurplus } from '../create/addresses.ts'
import { provision, suspend } from '../../lifecycle.ts'
import { climbLadder } from './climb.ts'
import { markReady } from './ready.ts'
import { credentialsFor } from '../create/credentials.ts'
import { assignSlots, systemKeyOf } from '../../want/disk-slots.ts'
import { ensureFinalizer } from '../create/finalizer.ts'
import { formIntent } from '../create/intent.ts'
import { Look } from '../look.ts'
import type { Want } from '../../ladder/machine.ts'
import { renamedHost } from '../create/host-names.ts'
import type { Pass } from '../pass.ts'
import { resolvePackage, resolveWire, type Resolved } from '../../want/package.ts'
import { nowIso, type Dependencies } from '../dependencies.ts'
import { clusterFor, mayUse, silenceOf } from '../references.ts'
import { isSettled, judged } from '../status.ts'
import { requestedReinstall } from '../reinstall-state.ts'
import { beginReinstall, clearForReinstall } from '../remove/reinstall.ts'
import { isSuspended } from '../../want/suspension.ts'
import type { Ladder } from '../../ladder/step.ts'
import type { Credentials } from '../../want/cloud-init.ts'
import { wantOf } from '../../want/want.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import type { Climb } from '../climb-pass.ts'
import { isBirth } from '../../want/birth.ts'
import { type Outcome, stalled, wait } from '../../ladder/outcome.ts'
import { descriptionOf, markOf } from '../../ladder/mark.ts'
import type { GrantedAddress } from '../../want/granted-address.ts'
import { conditionOf } from '../../api/condition.ts'
import { suspensionVerdict } from './suspension-condition.ts'

/** The whole way of a living VM, from its object to `ready`: references, addresses, intent, clone, ladder, verdict. */
export async function provisionVM(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  const cluster = clusterFor(deps, draft.vm)
  if ('is' in cluster) return cluster
  const silence = silenceOf(cluster, deps.clock)
  if (silence) return silence
  // Before the suspension, which could not be enforced on a VM that is missing; a reinstall cuts the power at once.
  const reinstalled = await reinstall(pass, cluster)
  if (reinstalled) return reinstalled
  const held = await holdOff(pass, cluster)
  if (held) return held
  if (draft.status.removedAt)
    return stalled('Removed', 'The VM was removed by command; VMID and addresses are kept. The commands Clone and Reinstall bring it back.')
  const prepared = await prepare(pass)
  if ('is' in prepared) return prepared
  if (!draft.status.intentAt) {
    const formed = await formIntent({ deps, draft, cluster, ...prepared, memory: pass.memory })
    if (formed.is !== 'done') return formed
  }
  const rename = renamedHost(deps, draft.vm)
  if (rename && 'is' in rename) return rename
  if (rename) draft.change((status) => ({ ...status, ...rename }))
  const look = lookAt(pass, cluster)
  const climbed = await climbLadder(climbOf(pass, cluster, look, provision, () => wishOf(pass, cluster, prepared, look)))
  if ('is' in climbed) return climbed
  if (draft.isOvertaken) return wait('Applying', 'The spec was changed meanwhile; the newest is applied.', 0)
  await releaseSurplus(deps, draft)
  pass.memory.auditDue = false
  if (look.seen.power) pass.memory.powerSeenAtMs = deps.clock.now()
  const staleCloudInit = await staleCloudInitOf(draft, cluster, look)
  const outcome = markReady({ deps, draft, cluster, resolved: prepared.resolved, climbed, staleCloudInit })
  // One that was asked for while another was under way.
  const next = requestedReinstall({ ...draft.vm, status: draft.status })
  return next === undefined ? outcome : wait('Reinstalling', `Reinstall ${next} is next.`, 0)
}

/** What the wish is made from, beside PVE. */
export interface Prepared {
  readonly resolved: Resolved
  readonly grants: readonly GrantedAddress[]
  readonly credentials?: Credentials
}

/** The package in force, addresses, credentials. The finalizer comes before the first of them that leaves a trace. */
export async function prepare({ deps, draft }: Pass): Promise<Prepared | Outcome> {
  const resolved = packageInForce(deps, draft)
  if ('is' in resolved) return resolved
  await ensureFinalizer(deps, draft)
  const grants = await claimAddresses(deps, draft)
  if ('is' in grants) return grants
  const credentials = await credentialsFor(draft.vm, deps.client)
  if (credentials && 'is' in credentials) return credentials
  return { resolved, grants, ...(credentials && { credentials }) }
}

/** Keys the guest has not seen yet. Asked only once something was sent to a VM that ran. */
async function staleCloudInitOf(draft: VMStatusDraft, cluster: PveCluster, look: Look): Promise<string[]> {
  const isMarked = conditionOf(draft.status.conditions, 'CloudInitConfigured')?.reason === 'RestartRequired'
  return isMarked && look.seen.power === 'running' ? await cluster.pve.staleCloudInit(look.at) : []
}

/** A suspended VM is off before anything else is looked at: a package that does not work must not keep it running. */
async function holdOff(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const { deps, draft } = pass
  const { status, vm } = draft
  if (!isSuspended(vm) || isBirth(status) || status.removedAt) return undefined
  const suspending = judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'running')])
  if (conditionOf(status.conditions, 'Suspended')?.status !== 'True') {
    draft.change(suspending)
    // Before the shutdown: if the suspension goes while nobody looks, the VM is known to be off because of it.
    await draft.save()
  }
  const [net] = status.interfaces ?? []
  const look = lookAt(pass, cluster)
  const wish = () =>
    wantOf({
      vm,
      status: draft.status,
      merged: status.package ?? {},
      grants: [],
      net: { bridge: net?.bridge ?? '' },
      storageType: () => undefined,
      systemDiskStorage: '',
    })
  const climbed = await climbLadder(climbOf(pass, cluster, look, suspend, wish))
  if ('is' in climbed) {
    if (look.seen.power === 'running' || draft.status.step?.name === 'power_off') draft.change(suspending)
    return climbed
  }
  draft.change(judged(vm, nowIso(deps.clock), [suspensionVerdict(vm, 'stopped')]), (now) => ({ ...now, remoteStatus: 'stopped' }))
  return undefined
}

/** Goes on with a reinstall under way, or begins one that is asked for. Undefined: there is none, or its VM can be made. */
async function reinstall(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const { draft } = pass
  const requestID = requestedReinstall(draft.vm)
  const isFree = draft.status.firstReadyAt !== undefined && draft.status.reinstall?.running === undefined
  if (requestID && isFree) {
    const template = draft.vm.spec.reinstall?.template
    await beginReinstall(pass, { requestID, ...(template && { template }) })
  }
  const { running } = draft.status.reinstall ?? {}
  if (!running || running.removed) return undefined
  const cleared = await clearForReinstall(pass, cluster, running)
  return cleared.is === 'done' ? undefined : cleared
}

function packageInForce(deps: Dependencies, draft: VMStatusDraft): Resolved | Outcome {
  return resolvePackage(draft.vm, draft.status, packageOf(deps, draft.vm), mayUsePackage(deps, draft.vm))
}

/** The VMPackage the VM refers to, if it exists. */
export function packageOf(deps: Dependencies, vm: ProxmoxVM): VMPackage | undefined {
  const name = vm.spec.packageRef?.name
  return name === undefined ? undefined : deps.packages.get(name)
}

export function mayUsePackage(deps: Dependencies, vm: ProxmoxVM): boolean {
  const found = packageOf(deps, vm)
  return found === undefined || mayUse(deps, vm, found.spec.allowedNamespaces)
}

export function lookAt({ deps, draft, memory }: Pass, cluster: PveCluster): Look {
  const { status, vm } = draft
  const vmid = status.vmid ?? 0
  const isFirst = isBirth(status) && !status.firstStartedAt && status.step?.name !== 'start'
  const { carried } = memory
  delete memory.carried
  return new Look({
    cluster,
    vmid,
    mark: markOf(vm.metadata.uid ?? '', vmid),
    ...(status.node && !memory.cloneUnasked && { expectedNode: status.node }),
    proofSinceMs: deps.clock.now(),
    // A clone is off until somebody starts it; a start of a VM that runs ends with "already running".
    ...(isFirst && { presumedPower: 'stopped' as const }),
    ...(carried && status.step?.name === 'start' && { carried }),
  })
}

export function climbOf(pass: Pass, cluster: PveCluster, look: Look, ladder: Ladder, wish: () => Want | Outcome): Climb {
  const { status, vm } = pass.draft
  const vmid = status.vmid ?? 0
  const description = descriptionOf(vm, markOf(vm.metadata.uid ?? '', vmid))
  return { ...pass, cluster, look, ladder, isRepair: isSettled(vm), identity: { vmid, name: status.vmName ?? '', description }, wish }
}

/** The wish, once the configuration of the VM shows its disks. */
export function wishOf({ draft }: Pass, cluster: PveCluster, { resolved, grants, credentials }: Prepared, look: Look): Want | Outcome {
  const { merged } = resolved
  const { vm } = draft
  const values = look.seen.config?.values ?? {}
  const system = systemKeyOf(draft.status.disks) ?? ''
  const disks = assignSlots(draft.status.disks ?? [], system, merged, values, look.seen.config?.pending)
  if (!disks) return stalled('PackageInvalid', `The bus of ${system} has no slot left for the additional disks of the package.`)
  const [net] = draft.status.interfaces ?? []
  const wire = resolveWire(merged, grants, net)
  if ('is' in wire) return wire
  draft.change((status) => ({ ...status, disks, interfaces: [{ name: 'net0', macAddress: net?.macAddress ?? '', ...wire }] }))
  const storages = cluster.inventory.current()?.storages ?? []
  return wantOf({
    vm,
    status: draft.status,
    merged,
    grants,
    net: wire,
    ...(credentials && { credentials }),
    storageType: (storage) => storages.find((row) => row.storage === storage)?.pluginType,
    systemDiskStorage: storageOf(disks.find((disk) => disk.name === 'system')?.volume ?? '') ?? '',
  })
}
