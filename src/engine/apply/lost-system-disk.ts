/** A VM from which somebody took the disk it starts from: nothing of the package is missing, and nobody can use the VM (pure). */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { Seen } from '../../ladder/machine.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import { isDriveKey, parseDrive } from '../../proxmox/property-string.ts'

type Status = Pick<ProxmoxVMStatus, 'disks' | 'vmid' | 'node'>

export function lostSystemDisk({ disks, vmid, node }: Status, { config }: Pick<Seen, 'config'>): Obstacle | undefined {
  const { key = '', volume } = disks?.find(({ name }) => name === 'system') ?? {}
  if (!config || key === '' || config.values[key] !== undefined) return undefined
  const at = Object.entries(config.values).find(
    ([other, value]) => (isDriveKey(other) || /^unused\d+$/.test(other)) && volume !== undefined && parseDrive(value).volume === volume,
  )
  const where = at ? `; its volume ${volume} is at ${at[0]} now` : volume ? `; its volume was ${volume}` : ''
  const first = at && isDriveKey(at[0]) ? `qm set ${vmid} --delete ${at[0]} and ` : ''
  return stalled(
    'SystemDiskMissing',
    `VM ${vmid} on ${node} has no disk at ${key}, from which it starts${where}. Somebody detached or moved it in PVE. An admin must attach it there again: ${first}qm set ${vmid} --${key} ${volume ?? 'VOLUME'}, and check that the boot order has ${key}.`,
  )
}
