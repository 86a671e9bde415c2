/** What an edit names and PVE does not have: it stays out of the wish and is told, and the rest is applied. Births look before the clone (create/). */
import type { Package } from '../../api/package.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { Obstacle } from '../../ladder/outcome.ts'
import { isOutcome } from '../../ladder/outcome.ts'
import { diskField, type Fields, ofTheWire } from '../../want/as-found.ts'
import { isBirth, templateFor } from '../../want/birth.ts'
import { resolveWire, type Wire } from '../../want/package.ts'
import { fieldsAsFound, isUncompared } from '../adopt/as-found-state.ts'
import { objectionToBridge, objectionToNewDisk, packageOfBridge, packageOfDisk } from '../create/place-objections.ts'
import type { Left } from '../left.ts'
import type { Pass } from '../pass.ts'
import type { Prepared } from './prepare.ts'

export interface Usable {
  readonly prepared: Prepared
  /** Keys of PVE that stay as they are: addresses belong to their wire. */
  readonly fields: Fields
  readonly left: readonly (Left & { readonly step: 'set_network' | 'set_created_additional_disk' })[]
}

/** Looked at again after this, beside every edit. */
const againMs = 290_000

/** Costs a request only when the wire is another than that on record, and then one a node and minute. */
export async function withoutUnusable(pass: Pass, cluster: PveCluster, prepared: Prepared): Promise<Usable> {
  const { deps, draft } = pass
  // What differs at a takeover is compared with the whole package, and asked of nobody.
  if (isBirth(draft.status) || isUncompared(draft.status)) return { prepared, fields: new Set(), left: [] }
  const untilMs = deps.clock.monotonicMs() + againMs
  const leave = (step: Usable['left'][number]['step'], { reason, message }: Obstacle, more = '') => ({
    step,
    reason,
    sentence: `${message}${more}`.replace(/\.$/, ''),
    terminal: true,
    tries: 1,
    untilMs,
  })
  const wire = await objectionToWire(pass, cluster, prepared)
  const disks = await objectionsToDisks(pass, cluster, prepared.resolved.merged)
  const left = [
    ...(wire ? [leave('set_network', wire.objection, ' The network card and the addresses of the VM stay as they are until then.')] : []),
    ...[...disks.values()].map((objection) => leave('set_created_additional_disk', objection)),
  ]
  if (left.length === 0) return { prepared, fields: new Set(), left }
  const { merged } = prepared.resolved
  const narrowed: Package = {
    ...merged,
    ...(wire && { network: { ...merged.network, bridge: wire.inForce.bridge, vlan: wire.inForce.vlan ?? 0 } }),
    ...(merged.additionalDisks && { additionalDisks: merged.additionalDisks.filter(({ name }) => !disks.has(name)) }),
  }
  return { prepared: { ...prepared, resolved: { ...prepared.resolved, merged: narrowed } }, fields: wire ? ofTheWire : new Set(), left }
}

/** The step cannot bring its part to the package because of it. */
export const concerns = ({ step }: Usable['left'][number], name: string): boolean =>
  step === name || (step === 'set_network' ? name === 'set_cloudinit' : name.startsWith('set_additional_disk'))

const nodeOf = ({ draft }: Pass, cluster: PveCluster): string =>
  cluster.inventory.current()?.guests.get(draft.status.vmid ?? 0)?.node ?? draft.status.node ?? ''

async function objectionToWire(
  pass: Pass,
  cluster: PveCluster,
  { resolved, grants }: Prepared,
): Promise<{ objection: Obstacle; inForce: Wire } | undefined> {
  const { vm, status } = pass.draft
  if (fieldsAsFound(status).has('net0.bridge')) return undefined
  const [net] = status.interfaces ?? []
  const { bridge: before, vlan } = net ?? {}
  const wire = resolveWire(resolved.merged, grants, net)
  if (isOutcome(wire) || before === undefined || wire.bridge === before) return undefined
  const node = nodeOf(pass, cluster)
  const objection = objectionToBridge({
    merged: resolved.merged,
    packageName: packageOfBridge(vm.spec),
    bridge: wire.bridge,
    node,
    has: await cluster.bridges.of(node),
    isGranted: cluster.facts()?.grantedBridges.has(wire.bridge) === true,
    pool: grants.find(({ bridge }) => bridge === wire.bridge)?.pool,
  })
  return objection && { objection, inForce: { bridge: before, ...(vlan !== undefined && { vlan }) } }
}

/** By the name of the disk. */
async function objectionsToDisks(pass: Pass, cluster: PveCluster, merged: Package): Promise<Map<string, Obstacle>> {
  const { deps, draft } = pass
  const asFound = fieldsAsFound(draft.status)
  const isMade = (name: string) => draft.status.disks?.some((disk) => disk.name === name && disk.volume !== undefined)
  const wishes = (merged.additionalDisks ?? []).flatMap(({ name, storage = templateFor(draft.vm, draft.status).storage }) =>
    storage === undefined || isMade(name) || asFound.has(diskField(name)) ? [] : [{ name, storage }],
  )
  const found = (storages: Parameters<typeof objectionToNewDisk>[0]['storages']) =>
    wishes.flatMap(({ name, storage }) => {
      const packageName = packageOfDisk(draft.vm.spec, name)
      const objection = objectionToNewDisk({ name, storage, node: nodeOf(pass, cluster), storages, packageName })
      return objection ? [[name, objection] as const] : []
    })
  const known = cluster.inventory.current()
  if (!known || found(known.storages).length === 0) return new Map()
  // It may have been made since.
  return new Map(found((await cluster.inventory.since(deps.clock.monotonicMs())).storages))
}
