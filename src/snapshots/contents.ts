/** What a VM has at the moment of its snapshot, for whoever asks what a rollback would do (pure). */
import { addressesInForce } from '../api/held-addresses.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm-status.ts'
import type { ProxmoxVMSnapshotStatus } from '../api/proxmoxvmsnapshot.ts'

export function contentsOf({ disks = [], addresses = [], interfaces }: ProxmoxVMStatus): NonNullable<ProxmoxVMSnapshotStatus['contents']> {
  const macAddress = interfaces?.[0]?.macAddress
  return {
    disks: disks.map(({ name, key, volume }) => ({ name, key, ...(volume !== undefined && { volume }) })),
    addresses: addressesInForce({ addresses }),
    ...(macAddress !== undefined && { macAddress }),
  }
}
