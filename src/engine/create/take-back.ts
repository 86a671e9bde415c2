/** Takes a VM whose record was lost back into the status of its object: nothing is made, started or freed for it. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { timeInSeconds } from '../../api/time.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { configuredAddresses } from '../../cluster/guest-class.ts'
import { parseAddress } from '../../ipam/address.ts'
import { sameAddress } from '../../ipam/choice.ts'
import { isReleasing } from '../../ipam/records.ts'
import { ownTag } from '../../ladder/mark.ts'
import { isOutcome } from '../../ladder/outcome.ts'
import { resolvePackage, type Resolved } from '../../want/package.ts'
import { mayUsePackage, packageOf } from '../apply/prepare.ts'
import { nowIso } from '../dependencies.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { earliestInPveMs } from '../pve-time.ts'
import { claimantOf, entriesOf } from './addresses.ts'
import { vmidIn } from './backup-file.ts'
import { credentialsName, passwordVersionOf } from './credentials.ts'
import { ensureFinalizer } from './finalizer.ts'
import { selectorOf } from './selector.ts'
import { takenBack, type TakenBack } from './taken-back.ts'

type VMAddress = NonNullable<ProxmoxVMStatus['addresses']>[number]

/** A start of ours is in PVE's task list for at least as long. */
const bornWithinMs = 3_600_000

export interface TakeBackOptions {
  /** The package in force, where it is not the one the object refers to now. */
  readonly source?: (resolved: Resolved) => Resolved
  /** Whoever owned it before had finished it. */
  readonly isFinished?: boolean
  /** Nobody of ours has made it: where it was cloned from, and which password it has, is not known. */
  readonly isStranger?: boolean
  /** Which of its disks are additional disks of the package. Absent: those of the system disk's bus, in their order. */
  readonly disks?: readonly { readonly name: string; readonly key: string }[]
  /** From then on its backups are this VM's. Absent: as the objects of its addresses tell. RFC 3339, PVE's clock. */
  readonly clonedAt?: string
}

/** `look`: at a guest with our mark, its configuration read. Afterwards the status is written; where the VM was finished, it counts as settled. */
export async function takeBack(pass: Pass, cluster: PveCluster, look: Look, o: TakeBackOptions = {}): Promise<void> {
  const { deps, draft } = pass
  await ensureFinalizer(deps, draft)
  const shown = await shownAddresses(look)
  const isCopy = isAsInFile(pass, look, shown)
  const passed = isCopy ? [] : await deps.inheritClaims({ ...claimantOf(draft), vmid: look.at.vmid }, entriesOf(draft), shown)
  draft.change(takenBack(await guestRecordOf(pass, cluster, look, { ...o, passed })))
  await draft.save()
  deps.inFlight.forget(draft.vm.metadata.uid ?? '')
  pass.memory.audit.isDue = true
  pass.memory.clone.isUnasked = false
}

/** What the status would say of the guest, without a write. `passed`: addresses whose claims came from a former object. */
export async function guestRecordOf(
  pass: Pass,
  cluster: PveCluster,
  look: Look,
  o: TakeBackOptions & { passed: readonly string[] },
): Promise<TakenBack> {
  const { deps, draft } = pass
  const { vm } = draft
  const values = look.seen.config?.values ?? {}
  await look.need('power')
  const { node, vmid } = look.at
  const power = look.seen.power ?? 'stopped'
  const shown = await shownAddresses(look)
  const isCopy = isAsInFile(pass, look, shown)
  const isUnfinished = !o.isFinished && power === 'stopped' && (isCopy || (await wasNeverStarted(pass, cluster, look)))
  const found = resolvePackage(vm, draft.status, packageOf(deps, vm), mayUsePackage(deps, vm))
  const resolved = isOutcome(found) ? undefined : (o.source?.(found) ?? found)
  const isKnown = o.isStranger !== true
  return {
    vm,
    node,
    vmid,
    values,
    power,
    isUnfinished,
    merged: resolved?.merged,
    packageSource: resolved?.source,
    addresses: addressesOf(pass, isCopy ? [] : shown),
    template: isKnown ? templateOf(pass, cluster, node) : undefined,
    clonedAt: o.clonedAt ?? clonedAt(pass, cluster, o.passed),
    credentials: isKnown && vm.spec.cloudInit?.generatePassword ? credentialsName(vm) : undefined,
    passwordVersion: isKnown && !isUnfinished && values.cipassword !== undefined ? await passwordVersionOf(vm, deps.client) : undefined,
    ...(o.disks && { diskKeys: o.disks }),
    nowIso: nowIso(deps.clock),
  }
}

/**
 * Restored from the backup of another VM and not configured yet: what it shows is the other one's. The request says onboot 0; the first
 * configuration brings onboot and an address of its own.
 */
const isAsInFile = ({ deps, draft: { vm } }: Pass, { seen }: Look, shown: readonly string[]): boolean =>
  vm.spec.template.backupRef !== undefined &&
  seen.config?.values.onboot !== '1' &&
  !deps.book.held(vm.metadata.uid ?? '').some(({ spec }) => shown.some((text) => sameAddress(text, spec.address)))

/** In its configuration and, of what cloud-init does not configure, in the sets of addresses it may use. */
export async function shownAddresses(look: Look): Promise<string[]> {
  await look.need('firewall')
  await look.need('foreign-firewall')
  return [...new Set([...configuredAddresses(look.seen.config?.values ?? {}), ...allowedIn(look.seen)])]
}

/** In the ipfilter sets that were read: of net0, and of the other network cards. */
export function allowedIn({ firewall, foreignFirewall }: Look['seen']): string[] {
  const others = (foreignFirewall?.sets ?? []).filter(({ name }) => /^ipfilter-net\d+$/.test(name)).flatMap(({ entries }) => entries)
  const cidrs = [...(firewall?.ipfilter ?? []), ...others.filter(({ nomatch }) => !nomatch).map(({ cidr }) => cidr)]
  return cidrs.map((entry) => entry.replace(entry.includes(':') ? /\/128$/ : /\/32$/, ''))
}

/** Off, young, and PVE knows of no start: a birth that was under way. Else a VM that is off was switched off by somebody. */
async function wasNeverStarted({ deps, draft }: Pass, cluster: PveCluster, look: Look): Promise<boolean> {
  const { creationTimestamp = '' } = draft.vm.metadata
  const isTagged = cluster.spec.tags !== 'None'
  if (isTagged && !(look.seen.config?.values.tags ?? '').split(/[;, ]+/).includes(ownTag)) return true
  if (!(deps.clock.now() - Date.parse(creationTimestamp) < bornWithinMs)) return false
  const since = Math.floor(earliestInPveMs(cluster, creationTimestamp) / 1000) - 5
  const starts = await cluster.pve.tasks(look.at.node, { source: 'all', typefilter: 'qmstart', vmid: look.at.vmid, since, limit: 1 })
  return starts.length === 0
}

/** What is held for each entry, and for the others what the guest shows of their pool: prepare() takes exactly that. */
export function addressesOf({ deps, draft }: Pass, shown: readonly string[]): VMAddress[] {
  const held = deps.book.held(draft.vm.metadata.uid ?? '')
  const used = new Set(held.map(({ spec }) => spec.address))
  return entriesOf(draft).flatMap(({ name, pool, address: named }) => {
    const own = held.find((one) => one.spec.claimRef?.entry === name && one.spec.poolRef.name === pool && !isReleasing(one))?.spec.address
    const free = shown.find((text) => !used.has(text) && isInPool(deps.book.pools.view(pool), text) && (!named || sameAddress(named, text)))
    const address = own ?? free
    const spec = deps.pools.get(pool)?.spec
    if (address === undefined || !spec) return []
    used.add(address)
    const family = address.includes(':') ? ('IPv6' as const) : ('IPv4' as const)
    return [{ name, family, address, prefixLength: spec.prefixLength, ...(spec.gateway !== undefined && { gateway: spec.gateway }), pool }]
  })
}

/** The pool may give that address. */
export function isInPool(view: ReturnType<Pass['deps']['book']['pools']['view']>, text: string): boolean {
  const address = parseAddress(text)
  if (!view || !address || typeof view.space === 'string') return false
  return view.space.family === address.family && view.space.usable.has(address.value)
}

/** PVE does not record what a guest was made of: the backup that spec.template names, or the copy on its node that it chooses, else any. */
function templateOf({ draft: { vm }, deps }: Pass, cluster: PveCluster, node: string): ProxmoxVMStatus['template'] {
  const { backupRef } = vm.spec.template
  const backup = backupRef?.name === undefined ? undefined : deps.backups.get(`${vm.metadata.namespace}/${backupRef.name}`)
  const volume = backupRef?.volume ?? backup?.status?.volume
  const of = backup?.status?.vmid ?? (volume === undefined ? undefined : vmidIn(volume))
  if (backupRef)
    return volume === undefined || of === undefined ? undefined : { vmid: of, node, selector: selectorOf(vm.spec.template), volume }
  const listing = cluster.inventory.current()
  const { name, vmid, tag } = vm.spec.template
  const search = listing && cluster.templates.find({ ...(name && { name }), ...(vmid && { vmid }), ...(tag && { tag }) }, listing)
  if (search?.is !== 'found') return undefined
  const copy = search.copies.find((row) => row.node === node) ?? search.copies[0]
  return copy && { vmid: copy.vmid, node: copy.node, ...(copy.name && { name: copy.name }), selector: selectorOf(vm.spec.template) }
}

/** Not before its object, or the object whose claims it has: older backups with its VMID may be a former holder's. By PVE's clock. */
function clonedAt({ deps, draft }: Pass, cluster: PveCluster, passed: readonly string[]): string {
  const { uid = '', creationTimestamp } = draft.vm.metadata
  const former = deps.book.held(uid).flatMap(({ spec }) => (passed.includes(spec.address) ? (spec.history?.at(-1)?.from ?? []) : []))
  const times = [creationTimestamp ?? nowIso(deps.clock), ...former].map((time) => Date.parse(time))
  return timeInSeconds(Math.min(...times) + cluster.clockSkewMs)
}
