import type { ProxmoxVM } from '../api/proxmoxvm.ts'

/** The tag every VM of ours carries, so that PVE's own tree can be filtered by it. */
export const ownTag = 'pve-operator'

/** `pve.hosting/owner uid=… vmid=…`: a restored backup or an admin's clone copies the text, but not the number. */
export const markOf = (uid: string, vmid: number) => `pve.hosting/owner uid=${uid} vmid=${vmid}`

/** What an admin reads beside the VM in PVE. */
export const descriptionOf = (vm: ProxmoxVM, mark: string) =>
  `${mark}\nProxmoxVM ${vm.metadata.namespace}/${vm.metadata.name}, managed by pve-operator: change the object, not the VM.`

/** True when `description` has our mark on a line of its own. */
export const carriesMark = (description: string | undefined, mark: string) =>
  (description ?? '').split('\n').some((line) => line.trim() === mark)

/** Starts the comment of every rule of ours; what follows is the rule's name. */
export const ruleMarker = 'pve.hosting/rule='

/** The name of a rule of ours, from its comment; undefined for a foreign rule. */
export function ruleName(comment: string | undefined): string | undefined {
  return comment?.startsWith(ruleMarker) ? comment.slice(ruleMarker.length).split(' ')[0] : undefined
}
