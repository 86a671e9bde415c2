/** The manifest with which a guest becomes a ProxmoxVM, and what of it has no words in one (pure). */
import { apiVersion } from '../../api/group.ts'
import type { ListedGuest } from '../../api/guest-list.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import type { VMPackage } from '../../api/vmpackage.ts'
import { entriesOfGuest, type PoolState } from './guest-addresses.ts'
import { fittingPackages, type GuestPackage, type GuestOptions, optionsOfGuest, packageOfGuest } from './guest-package.ts'

export interface ManifestInput {
  readonly guest: ListedGuest
  readonly namespace: string
  readonly name: string
  readonly mode: 'Report' | 'Take'
  /** For a later reinstall: the guest is not cloned. */
  readonly template: string
  readonly pools: PoolState
  readonly packages: readonly VMPackage[]
  readonly labels?: Readonly<Record<string, string>>
  readonly suspensions?: readonly { readonly by: string; readonly reason: string }[]
  /** The VMPackage it is to have, whatever it has now. */
  readonly packageName?: string
}

export interface AdoptManifest {
  readonly manifest: object
  /** `inline`, or the VMPackage that fits. */
  readonly package: string
  readonly addresses: readonly string[]
  readonly notes: readonly string[]
}

export function adoptManifest(o: ManifestInput): AdoptManifest {
  const { guest } = o
  const options = optionsOfGuest(guest)
  const { entries, notes } = entriesOfGuest(guest, o.pools)
  const found = packageOfGuest(options)
  const chosen = packageFor(o, found)
  const { macAddress } = parseNet(options['net0'] ?? '')
  const manifest = {
    apiVersion,
    kind: 'ProxmoxVM',
    metadata: { namespace: o.namespace, name: o.name, ...(o.labels && Object.keys(o.labels).length > 0 && { labels: o.labels }) },
    spec: {
      clusterRef: { name: o.pools.cluster },
      template: { name: o.template },
      ...chosen.spec,
      ...(entries.length > 0 && { addresses: entries }),
      ...cloudInitOf(options),
      ...hostnameOf(options),
      ...(o.suspensions && o.suspensions.length > 0 && { suspensions: o.suspensions }),
      adopt: {
        vmid: guest.vmid,
        mode: o.mode,
        ...(macAddress !== undefined && { macAddress: macAddress.toUpperCase() }),
        ...(guest.fromUID !== undefined && { fromUID: guest.fromUID }),
        ...(chosen.disks.length > 0 && { disks: chosen.disks }),
      },
      deletionProtection: true,
    },
  }
  const all = [
    ...(guest.problem ? [guest.problem] : []),
    ...(macAddress === undefined ? ['it has no network card, so an object cannot take it over'] : []),
  ]
  return { manifest, package: chosen.name, addresses: entries.map(({ address }) => address), notes: [...all, ...chosen.notes, ...notes] }
}

interface Chosen {
  readonly name: string
  readonly spec: object
  readonly disks: GuestPackage['disks']
  readonly notes: readonly string[]
}

/** The VMPackage that says what the guest has; its wire stands inline, so that no pool moves it. */
function packageFor({ packages, packageName }: ManifestInput, found: GuestPackage): Chosen {
  const fitting = packageName === undefined ? fittingPackages(found.package, packages) : [packageName]
  const [name] = fitting
  if (name === undefined)
    return { name: 'inline', spec: { package: found.package }, disks: found.disks, notes: [...found.notes, 'fits no VMPackage'] }
  const { bridge, vlan } = found.package.network ?? {}
  const wire = { ...(bridge && { bridge }), ...(vlan !== undefined && { vlan }) }
  const more = fitting.length > 1 ? [`fits ${fitting.join(', ')} as well`] : []
  const disks = found.disks.map(({ key }) => key)
  return {
    name,
    spec: { packageRef: { name }, ...(Object.keys(wire).length > 0 && { package: { network: wire } }) },
    disks: [],
    notes: [
      ...found.notes,
      ...more,
      ...(disks.length > 0 ? [`disks that ${name} does not have stay as they are: ${disks.join(', ')}`] : []),
    ],
  }
}

/** What is declared is compared; what is not stays as it is as well. */
function cloudInitOf(options: GuestOptions): object {
  const user = options['ciuser']
  const nameservers = (options['nameserver'] ?? '').split(/[\s,;]+/).filter(Boolean)
  const searchDomain = options['searchdomain']
  const cloudInit = {
    ...(user && /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(user) && { user }),
    ...(nameservers.length > 0 && { nameservers }),
    ...(searchDomain && { searchDomain }),
  }
  return Object.keys(cloudInit).length > 0 ? { cloudInit } : {}
}

const hostNamePattern = /^(?=.*[a-z])[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

function hostnameOf({ name }: GuestOptions): object {
  return name !== undefined && name.length <= 253 && hostNamePattern.test(name) ? { hostname: name } : {}
}
