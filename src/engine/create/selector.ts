/** How spec.template chooses, to tell later whether it still chooses what the VM was made of. */
import type { BirthTemplate } from '../../api/template.ts'

export function selectorOf({ name, vmid, tag, backupRef }: BirthTemplate): string {
  if (backupRef) return `backup=${backupRef.name ?? backupRef.volume}`
  return vmid !== undefined ? `vmid=${vmid}` : name !== undefined ? `name=${name}` : `tag=${tag}`
}
