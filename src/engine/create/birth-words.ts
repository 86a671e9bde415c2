/** How the making of a VM is told (pure). */
import type { AskedClone } from '../../api/clone-request.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'

type Made = Pick<ProxmoxVMStatus, 'template' | 'vmid' | 'node'>

export const makingSentence = ({ template, vmid, node }: Made): string =>
  template?.volume === undefined
    ? `PVE clones template ${template?.vmid} to VM ${vmid} on ${node}.`
    : `PVE makes VM ${vmid} on ${node} from backup ${template.volume}.`

/** What is asked of PVE, as a noun. */
export const makingNoun = ({ template }: Made): 'clone' | 'restore' => (template?.volume === undefined ? 'clone' : 'restore')

/** What an earlier request has asked for, whatever the VM is made of now. */
export const requestNoun = ({ isRestore }: Pick<AskedClone, 'isRestore'>): 'clone' | 'restore' => (isRestore ? 'restore' : 'clone')

/** @param position 1 is next */
export const queuedSentence = (node: string, position: number): string => `Waiting for a clone slot of node ${node}, position ${position}.`
