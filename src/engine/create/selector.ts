import type { ProxmoxVM } from '../../api/proxmoxvm.ts'

/** How spec.template chooses, to tell later whether it still chooses the template of the clone. */
export function selectorOf({ name, vmid, tag }: ProxmoxVM['spec']['template']): string {
  return vmid !== undefined ? `vmid=${vmid}` : name !== undefined ? `name=${name}` : `tag=${tag}`
}
