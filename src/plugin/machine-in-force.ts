import type { IPPool } from '../api/ippool.ts'
import type { Package } from '../api/package.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { conditionOf } from '../api/condition.ts'
import { addressesReleasing } from '../api/held-addresses.ts'
import { parseSizeMiB } from '../api/size.ts'
import { assignSlots, systemKeyOf } from '../want/disk-slots.ts'
import type { Seen, Want } from '../ladder/machine.ts'
import { resolveWire } from '../want/package.ts'
import { wantOf } from '../want/want.ts'
import { grantOf, isWanted } from '../ipam/choice.ts'
import { parseAddress } from '../ipam/address.ts'
import { provision } from '../lifecycle.ts'
import { storageOf } from '../proxmox/property-string.ts'
import { isConfigStep, mergedChange } from '../ladder/config-step.ts'
import { stalled, isOutcome, type Obstacle } from '../ladder/outcome.ts'
import type { GrantedAddress } from '../want/granted-address.ts'

export type Pools = ReadonlyMap<string, IPPool>
type Held = NonNullable<ProxmoxVMStatus['addresses']>[number]

/**
 * PVE as status says it is. The plugin may not ask PVE, so the steps themselves write down what they had last to make true: the package,
 * the addresses and the disks in force. What only PVE knows (drift, cloud-init) is taken to be as the spec says.
 */
export function machineInForce(vm: ProxmoxVM, pools: Pools): Seen {
  const want = wantInForce(vm, pools)
  const disks = Object.fromEntries((vm.status?.disks ?? []).filter((disk) => disk.volume).map((disk) => [disk.key, driveOf(disk)]))
  const { set } = mergedChange(provision.filter(isConfigStep), disks, want)
  const { options, rules, ipfilter } = want.firewall
  const { remoteStatus: power, remoteLock: lock, node } = vm.status ?? {}
  return {
    guest: 'ours',
    ...(node && { node }),
    ...(lock && { lock }),
    ...((power === 'running' || power === 'stopped') && { power }),
    config: { values: { ...driveOfCloudInit(vm), ...disks, ...set }, digest: '', pending: [] },
    firewall: { options, rules: rules.map((fields, pos) => ({ pos, fields })), ...(ipfilter && { ipfilter }) },
  }
}

/** Where it is only PVE knows; whether there is one, the condition says. */
const driveOfCloudInit = ({ status }: ProxmoxVM): Readonly<Record<string, string>> =>
  conditionOf(status?.conditions, 'CloudInitConfigured')?.reason === 'NoCloudInitDrive'
    ? {}
    : { ide3: `none:vm-${status?.vmid}-cloudinit,media=cdrom` }

const driveOf = ({ volume, size }: NonNullable<ProxmoxVMStatus['disks']>[number]) =>
  size === undefined ? `${volume}` : `${volume},size=${parseSizeMiB(size)}M`

/** What was last made true, with the power the spec wants now. */
export function wantInForce(vm: ProxmoxVM, pools: Pools): Want {
  const { status = {} } = vm
  const [net] = status.interfaces ?? []
  return wantOf({
    vm,
    status,
    merged: status.package ?? {},
    grants: (status.addresses ?? []).filter(({ state }) => !state).map((held) => asHeld(held, pools.get(held.pool))),
    stillUsed: addressesReleasing(status),
    net: { bridge: net?.bridge ?? '', ...(net?.vlan !== undefined && { vlan: net.vlan }) },
    storageType: () => undefined,
    systemDiskStorage: systemStorage(status),
  })
}

const systemStorage = ({ disks = [] }: ProxmoxVMStatus) => storageOf(disks.find((disk) => disk.name === 'system')?.volume ?? '') ?? ''

/** The wire of a held address as it was given, the rest as its pool says now. */
function asHeld({ name, family, address, prefixLength, gateway, pool }: Held, from: IPPool | undefined): GrantedAddress {
  const { nameservers = [], searchDomain } = from?.spec ?? {}
  return {
    entry: name,
    family,
    address,
    prefixLength,
    pool,
    nameservers,
    ...(gateway && { gateway }),
    ...(searchDomain && { searchDomain }),
  }
}

export interface AddressChange {
  /** Entries of spec.addresses that have no address yet. */
  readonly lacking: readonly { name: string; pool: string; address?: string }[]
  /** Addresses that no entry stands for any more. */
  readonly surplus: readonly Held[]
  readonly kept: readonly GrantedAddress[]
}

/** The addresses the spec wants against those in force. */
export function addressChange({ spec, status }: ProxmoxVM, pools: Pools): AddressChange {
  const held = status?.addresses ?? []
  const entries = (spec.addresses ?? []).map(({ name, poolRef, address }) => ({ name, pool: poolRef.name, ...(address && { address }) }))
  const standsFor = (entry: (typeof entries)[number], address: Held) => isWanted(asRecord(address), [entry])
  return {
    lacking: entries.filter((entry) => !held.some((address) => standsFor(entry, address))),
    surplus: held.filter((address) => !address.state && !entries.some((entry) => standsFor(entry, address))),
    kept: entries.flatMap((entry) =>
      held.filter((address) => standsFor(entry, address)).map((address) => granted(address, pools.get(address.pool))),
    ),
  }
}

/** A held address in the words of its PoolAddress, which the rules of ipam judge. */
const asRecord = ({ name, address, pool }: Held): Parameters<typeof isWanted>[0] => ({
  apiVersion: '',
  kind: 'PoolAddress',
  metadata: { name: '' },
  spec: { address, scope: '', poolRef: { name: pool }, claimRef: { namespace: '', name: '', uid: '', entry: name, since: '' } },
})

function granted(held: Held, pool: IPPool | undefined): GrantedAddress {
  const address = parseAddress(held.address)
  return pool && address ? grantOf({ name: held.name, pool: held.pool }, pool, address) : asHeld(held, pool)
}

/** What the spec wants of the VM, as far as it can be told without PVE; an outcome: it cannot be made. */
export function wantOfSpec(vm: ProxmoxVM, merged: Package, grants: readonly GrantedAddress[], seen: Seen): Want | Obstacle {
  const { status = {} } = vm
  const leaving = (status.addresses ?? []).flatMap(({ address }) => (grants.some((grant) => grant.address === address) ? [] : [address]))
  const [net] = status.interfaces ?? []
  const wire = resolveWire(merged, grants, net)
  if (isOutcome(wire)) return wire
  const system = systemKeyOf(status.disks) ?? ''
  const disks = assignSlots(status.disks ?? [], system, merged, seen.config?.values ?? {})
  if (!disks)
    return stalled(
      'PackageInvalid',
      `The bus of ${system} has no free slot for the additional disks of the package; remove disks or choose another bus.`,
    )
  const hostname = vm.spec.hostname?.toLowerCase()
  return wantOf({
    vm,
    status: { ...status, disks, ...(hostname && { vmName: hostname }) },
    merged,
    grants,
    leaving,
    stillUsed: leaving,
    net: wire,
    storageType: () => undefined,
    systemDiskStorage: systemStorage(status),
  })
}
