/** What a package names and PVE does not have, told before the clone and with what there is instead (pure). */
import type { Package } from '../../api/package.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'

interface Named {
  readonly merged: Package
  /** The VMPackage the field is written in; undefined: it is in spec.package of the VM. */
  readonly packageName: string | undefined
}

/** A storage that no node has, or that takes no disks. Which node has room is for placement to say. */
export function objectionToStorages(
  o: Pick<Named, 'merged'> &
    Pick<ProxmoxVM, 'spec'> & { readonly template: ProxmoxVM['spec']['template']; readonly listing: Pick<Listing, 'storages'> },
): Obstacle | undefined {
  const { merged, spec, template, listing } = o
  const written = (name: string) => fieldOf({ packageName: packageOfDisk(spec, name) }, `additionalDisks[${name}].storage`)
  const wishes = [
    ...(template.storage === undefined ? [] : [{ storage: template.storage, what: 'spec.template.storage', change: 'it' }]),
    ...(merged.additionalDisks ?? []).flatMap(({ name, storage }) =>
      storage === undefined ? [] : [{ storage, what: `Disk ${name}`, change: written(name) }],
    ),
  ]
  const takingDisks = [...new Set(listing.storages.filter(({ content }) => content.includes('images')).map(({ storage }) => storage))]
  const there = `there are ${takingDisks.toSorted().join(', ') || 'none'}`
  for (const { storage, what, change } of wishes) {
    const rows = listing.storages.filter((row) => row.storage === storage)
    const remedy = `Change ${change}, or give the token Datastore.Audit on the storage.`
    if (rows.length === 0) return stalled('StorageNotFound', `${what} wants storage "${storage}", which no node has; ${there}. ${remedy}`)
    if (!rows.some(({ content }) => content.includes('images')))
      return stalled(
        'StorageNotFound',
        `${what} wants storage "${storage}", which does not allow disks of VMs; ${there}. Change ${change}.`,
      )
  }
  return undefined
}

/** Of a disk that a VM is to get later: its node must have the storage. Undefined also where the node tells of no storage at all. */
export function objectionToNewDisk(
  o: Pick<Named, 'packageName'> & {
    readonly name: string
    readonly storage: string
    readonly node: string
    readonly storages: Listing['storages']
  },
): Obstacle | undefined {
  const { name, storage, node } = o
  const rows = o.storages.filter((row) => row.node === node)
  const row = rows.find((each) => each.storage === storage)
  if (rows.length === 0 || row?.content.includes('images')) return undefined
  const there = rows.flatMap((each) => (each.content.includes('images') ? [each.storage] : [])).toSorted()
  const why = row ? 'which takes no disks of VMs' : `which node ${node} does not have or which is disabled there`
  const grant = row ? '' : ', or give the token Datastore.Audit on the storage'
  return stalled(
    'StorageNotFound',
    `Disk ${name} wants storage "${storage}", ${why}; there are ${there.join(', ') || 'none'}. Change ${fieldOf(o, `additionalDisks[${name}].storage`)}${grant}.`,
  )
}

/** @param has of the node, as far as the token may use them. @param isGranted the token has a grant that names the bridge, though the node does not list it. */
export function objectionToBridge(
  o: Named & {
    readonly bridge: string
    readonly node: string
    readonly has: ReadonlySet<string> | undefined
    readonly isGranted: boolean
    /** The pool the bridge is from, where the package names none. */
    readonly pool: string | undefined
  },
): Obstacle | undefined {
  const { bridge, node, has, isGranted, merged, pool } = o
  if (!has || has.has(bridge) || isGranted) return undefined
  const from =
    merged.network?.bridge !== undefined
      ? fieldOf(o, 'network.bridge')
      : pool === undefined
        ? 'net0 of the template'
        : `network.bridge of IPPool ${pool}`
  const there = [...has].toSorted().join(', ') || 'none'
  return stalled(
    'BridgeNotFound',
    `Node ${node} has no bridge "${bridge}" that the token may use (${from}); there are ${there}. Change the bridge, or give the token SDN.Use on it.`,
  )
}

type Spec = ProxmoxVM['spec']

/** The VMPackage that names the storage of a disk, unless the VM itself does. */
export const packageOfDisk = ({ package: inline, packageRef }: Spec, disk: string): string | undefined =>
  inline?.additionalDisks?.some(({ name, storage }) => name === disk && storage !== undefined) ? undefined : packageRef?.name

/** The VMPackage that names the bridge, unless the VM itself does. */
export const packageOfBridge = ({ package: inline, packageRef }: Spec): string | undefined =>
  inline?.network?.bridge === undefined ? packageRef?.name : undefined

/** Where a field of the merged package is written. */
export const fieldOf = ({ packageName }: Pick<Named, 'packageName'>, field: string): string =>
  packageName === undefined ? `spec.package.${field}` : `${field} of package ${packageName}`
