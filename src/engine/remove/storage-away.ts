/** Whether every storage with disks of a VM is there, asked before PVE is to delete them. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { storageOf } from '../../proxmox/property-string.ts'

/** PVE deletes a VM whose storage is off and leaves its volumes there, where they are in the way of the new VM's. */
export function storageAway({ guests, storages }: Listing, { vmid, disks }: ProxmoxVMStatus): Obstacle | undefined {
  const node = guests.get(vmid ?? 0)?.node
  for (const { name, volume } of disks ?? []) {
    const storage = storageOf(volume ?? '')
    const row = storages.find((one) => one.storage === storage && one.node === node)
    if (row && !row.available)
      return stalled('StorageOff', `Storage ${storage} with disk ${name} of VM ${vmid} is not available on node ${node}; bring it back.`)
  }
  return undefined
}
