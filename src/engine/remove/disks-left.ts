/** Disks that PVE does not find when it deletes a VM, and of which it says nothing. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { judge } from '../../proxmox/failures.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive, storageOf } from '../../proxmox/property-string.ts'
import type { RemovalLook } from './removal-look.ts'

/** Storages of its node that may have disks and are off, as the last listing has them. */
export const storagesOff = (cluster: PveCluster, { at }: RemovalLook): string[] =>
  (cluster.inventory.current()?.storages ?? [])
    .filter((row) => row.node === at.node && !row.available && row.content.includes('images'))
    .map(({ storage }) => storage)

export const unsearched = ({ at: { node, vmid } }: RemovalLook, off: readonly string[]): string =>
  `${off.join(', ')} of ${node} is off, so PVE deletes VM ${vmid} without a search for disks that its configuration does not name; some may stay on ${node}. ${remedy(vmid)}`

const remedy = (vmid: number): string =>
  `An admin must look for them (pvesm list STORAGE --vmid ${vmid}) and delete what nobody needs (pvesm free VOLUME).`

/**
 * High availability moves the configuration of a dead node's VM, and what lies on storages of that node alone stays there. PVE then deletes
 * the VM and takes a disk that is not there for one that is gone (PVE::Storage::LvmThinPlugin free_image). Undefined: all are on its node.
 */
export async function disksElsewhere(cluster: PveCluster, look: RemovalLook): Promise<string | undefined> {
  const { node, vmid } = look.at
  const former = look.nodesBefore
  if (former.length === 0) return undefined
  const left: string[] = []
  for (const [storage, volumes] of localDisks(cluster, look)) {
    const there = await volumesOn(cluster, node, storage, vmid)
    left.push(...volumes.filter((volume) => !there.includes(volume)))
  }
  if (left.length === 0) return undefined
  return `VM ${vmid} is deleted on ${node}, where ${left.join(', ')} cannot be seen; the VM was on ${former.join(', ')} before, and they may still be there. ${remedy(vmid)}`
}

/** Volumes of its own on storages that other nodes do not see, by storage. */
function localDisks(cluster: PveCluster, { at: { node, vmid }, config }: RemovalLook): Map<string, string[]> {
  const local = (cluster.inventory.current()?.storages ?? []).filter((row) => row.node === node && !row.shared && row.available)
  const volumes = Object.entries(config)
    .filter(([key]) => isDriveKey(key) || /^(?:unused\d+|efidisk0|tpmstate0)$/.test(key))
    .map(([, text]) => parseDrive(text))
    .filter((drive) => !isCdrom(drive) || isCloudInit(drive))
    .map(({ volume }) => volume)
    .filter((volume) => volume.includes(`vm-${vmid}-`))
  const by = Map.groupBy(volumes, (volume) => storageOf(volume) ?? '')
  return new Map([...by].filter(([storage]) => local.some((row) => row.storage === storage)))
}

/** A list that is refused shows nothing. */
async function volumesOn(cluster: PveCluster, node: string, storage: string, vmid: number): Promise<string[]> {
  try {
    return await cluster.pve.volumesOf(node, storage, vmid)
  } catch (fault) {
    if (judge(fault).kind === 'unknown-outcome') throw fault
    return []
  }
}
