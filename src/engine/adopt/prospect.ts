/** What would be if a guest were this VM: its status, what the spec wants of it, and in what the two differ. Nothing is written for it. */
import { type Adopt, type FoundDifference, mostDifferences } from '../../api/adopt.ts'
import type { IPPool } from '../../api/ippool.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { timeInSeconds } from '../../api/time.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { parseAddress } from '../../ipam/address.ts'
import { grantOf, sameAddress } from '../../ipam/choice.ts'
import { poolsServing } from '../../ipam/serving.ts'
import { parseMark } from '../../ladder/mark.ts'
import type { Want } from '../../ladder/machine.ts'
import { isOutcome, type Obstacle, stalled } from '../../ladder/outcome.ts'
import { packageAsFound } from '../../want/package-as-found.ts'
import { resolvePackage } from '../../want/package.ts'
import { mayUsePackage, packageOf } from '../apply/prepare.ts'
import { wantWithSlots } from '../apply/ascent.ts'
import { entriesOf } from '../create/addresses.ts'
import { credentialsFor } from '../create/credentials.ts'
import { guestRecordOf, isInPool, shownAddresses, type TakeBackOptions } from '../create/take-back.ts'
import { takenBack } from '../create/taken-back.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { VMStatusDraft } from '../status-draft.ts'
import { differencesOf } from './compare.ts'
import { pveNowMs } from '../pve-time.ts'

export interface Prospect {
  readonly status: ProxmoxVMStatus
  readonly want: Want
  readonly differences: readonly FoundDifference[]
}

/** How the record of this guest is read: one that a former object of ours made and finished, or anybody's. */
export function readingOf(pass: Pass, cluster: PveCluster, look: Look, adopt: Adopt): TakeBackOptions {
  const values = look.seen.config?.values ?? {}
  const backups = adopt.backups === undefined ? {} : { clonedAt: backupsSince(pass, cluster, values, adopt) }
  if (adopt.fromUID !== undefined)
    return {
      isFinished: true,
      source: (resolved) => packageAsFound(resolved, pass.draft.vm.spec.package ?? {}, values),
      ...(adopt.disks && { disks: adopt.disks }),
      ...backups,
    }
  return { isFinished: true, isStranger: true, disks: adopt.disks ?? [], clonedAt: backupsSince(pass, cluster, values, adopt) }
}

/** Leave: since now. Own: since PVE made the guest, as its `meta` says (qemu-server, `ctime`). By PVE's clock. */
function backupsSince({ deps }: Pass, cluster: PveCluster, values: Readonly<Record<string, string>>, { backups }: Adopt): string {
  const made = Number(/(?:^|,)ctime=(\d+)/.exec(values.meta ?? '')?.[1])
  const ms = backups === 'Own' && Number.isFinite(made) ? made * 1000 : pveNowMs(cluster, deps)
  return timeInSeconds(ms)
}

/** An obstacle: the guest cannot become this VM as the spec stands. */
export async function prospectOf(pass: Pass, cluster: PveCluster, look: Look, adopt: Adopt): Promise<Prospect | Obstacle> {
  const { deps, draft } = pass
  const { vm } = draft
  const reading = readingOf(pass, cluster, look, adopt)
  const found = resolvePackage(vm, draft.status, packageOf(deps, vm), mayUsePackage(deps, vm))
  if (isOutcome(found)) return found
  const resolved = reading.source?.(found) ?? found
  const record = await guestRecordOf(pass, cluster, look, { ...reading, passed: [] })
  const unknown = entriesOf(draft).find(({ pool }) => !deps.pools.get(pool))
  if (unknown) return stalled('PoolNotFound', `There is no IPPool "${unknown.pool}", which entry ${unknown.name} of spec.addresses names.`)
  // What a former object held passes with its guest; of all others each address must be named.
  const isFormer = parseMark(look.seen.config?.values.description)?.vmid === adopt.vmid
  const misfit = !isFormer ? await addressMisfit(pass, look, record.addresses) : undefined
  if (misfit) return misfit
  const status = takenBack(record)(draft.status)
  const grants = record.addresses.flatMap(({ name, pool, address: text }) => {
    const [object, address] = [deps.pools.get(pool), parseAddress(text)]
    return object && address ? [grantOf({ name, pool }, object, address)] : []
  })
  // The Secret of a former object becomes this one's only with the guest.
  const credentials = adopt.fromUID === undefined ? await credentialsFor(vm, deps.client, { mayMake: false }) : undefined
  if (credentials && isOutcome(credentials)) return credentials
  const scratch = new VMStatusDraft({ vm: { ...vm, status }, client: deps.client, store: deps.vms })
  const want = wantWithSlots({ ...pass, draft: scratch }, cluster, { resolved, grants, ...(credentials && { credentials }) }, look)
  if (isOutcome(want)) return want
  const differences = differencesOf(vm, look.seen, want)
  return tooMany(adopt.vmid, differences) ?? { status, want, differences }
}

/** What is not noted would be repaired as drift. */
export function tooMany(vmid: number, { length }: readonly FoundDifference[]): Obstacle | undefined {
  if (length <= mostDifferences) return undefined
  return stalled(
    'AdoptMismatch',
    `VM ${vmid} differs from the spec in ${length} fields, and the status has room for ${mostDifferences}; write a package that fits the VM better.`,
  )
}

/** The guest keeps its addresses, so each must have its entry, and each entry its address: what is not claimed could be given to another VM. */
async function addressMisfit(pass: Pass, look: Look, own: readonly { name: string; address: string }[]): Promise<Obstacle | undefined> {
  const { draft } = pass
  const lacking = entriesOf(draft).find(({ name }) => !own.some((one) => one.name === name))
  if (lacking) {
    const wanted = lacking.address ?? `an address of IPPool ${lacking.pool}`
    return stalled(
      'AdoptMismatch',
      `VM ${look.at.vmid} does not show ${wanted}, which entry ${lacking.name} of spec.addresses names; remove or correct the entry.`,
    )
  }
  const shown = await shownAddresses(look)
  for (const text of shown) {
    const pool = poolOf(pass, text)
    if (pool === undefined || own.some(({ address }) => sameAddress(address, text))) continue
    return stalled(
      'AdoptMismatch',
      `VM ${look.at.vmid} has ${text} of IPPool ${pool}, which is not in spec.addresses; add an entry: {name, poolRef: {name: ${pool}}, address: ${text}}.`,
    )
  }
  return undefined
}

/** The pool that may give this address to VMs of the cluster. */
export function poolOf({ deps, draft }: Pass, text: string): string | undefined {
  const isThere = ({ metadata }: IPPool) => isInPool(deps.book.pools.view(metadata.name), text)
  const [pool] = poolsServing(deps.pools.list(), draft.vm.spec.clusterRef.name, isThere)
  return pool?.metadata.name
}
