/** What one more VM of a package takes (pure). A package names no template: what it leaves open is read off the VMs there are. */
import type { Package } from '../api/package.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { parseSizeMiB } from '../api/size.ts'
import type { VmidRange } from '../cluster/vmids.ts'
import type { Listing } from '../proxmox/listing.ts'
import { storageOf } from '../proxmox/property-string.ts'

const bytesPerMiB = 1024 * 1024
/** PVE's own, where a config has no memory (qemu-server). */
const memoryWithoutSizeMiB = 512
/** What PVE's dialog proposes; only where neither the package nor any VM of the cluster says more. */
const diskWithoutSizeMiB = 32 * 1024

export interface VmNeed {
  readonly memoryMiB: number
  readonly cpus: number
  readonly systemDiskMiB: number
  /** Without a storage they go to the system disk's. */
  readonly additionalDisks: readonly { readonly storage?: string; readonly sizeMiB: number }[]
  /** Where system disks go, any of them. Undefined: no VM shows it. */
  readonly systemStorages?: ReadonlySet<string>
  readonly vmids?: VmidRange
}

/** `vms`: of one cluster. */
export function vmNeedOf(o: {
  readonly name: string
  readonly spec: Package
  readonly vms: readonly ProxmoxVM[]
  readonly listing: Pick<Listing, 'guests'>
}): VmNeed {
  const { name, spec, vms, listing } = o
  const ofPackage = vms.filter((vm) => vm.spec.packageRef?.name === name)
  const size = (text: string | number | undefined): number => (text ? parseSizeMiB(text) : 0)
  const systemStorages = [ofPackage, vms].map(storagesOf).find((storages) => storages.size > 0)
  return {
    memoryMiB: size(spec.memory?.size) || memoryOf(ofPackage, listing) || memoryWithoutSizeMiB,
    cpus: (spec.cpu?.cores ?? 1) * (spec.cpu?.sockets ?? 1),
    systemDiskMiB: size(spec.systemDisk?.size) || diskOf(ofPackage) || diskOf(vms) || diskWithoutSizeMiB,
    additionalDisks: (spec.additionalDisks ?? []).map((disk) => ({
      ...(disk.storage && { storage: disk.storage }),
      sizeMiB: size(disk.size),
    })),
    ...(systemStorages && { systemStorages }),
    ...(spec.vmids && { vmids: spec.vmids }),
  }
}

const systemDiskOf = ({ status }: ProxmoxVM) => status?.disks?.find(({ name }) => name === 'system')

const storagesOf = (vms: readonly ProxmoxVM[]): Set<string> => new Set(vms.flatMap((vm) => storageOf(systemDiskOf(vm)?.volume ?? '') ?? []))

/** The largest, in MiB. */
const diskOf = (vms: readonly ProxmoxVM[]): number =>
  vms.reduce((most, vm) => Math.max(most, parseSizeMiB(systemDiskOf(vm)?.size ?? '0')), 0)

const memoryOf = (vms: readonly ProxmoxVM[], { guests }: Pick<Listing, 'guests'>): number =>
  vms.reduce((most, { status }) => Math.max(most, Math.ceil((guests.get(status?.vmid ?? 0)?.maxMemBytes ?? 0) / bytesPerMiB)), 0)
