import { isDriveKey } from '../../proxmox/property-string.ts'
import { type Outcome, stalled } from '../../ladder/outcome.ts'
import type { Climb } from '../climb-pass.ts'
import { stuckLock } from '../lock-sentence.ts'

// A clone that never finished: what is told of it, and how it is known.

/**
 * A VM with our mark and without a lock lacks drives of its template: its clone was killed, and somebody lifted the lock. PVE writes the
 * configuration after each drive it has copied (qemu-server clone_vm), so one that has them all is whole, whatever became of its task.
 */
export async function halfMade({ draft, look, cluster }: Climb): Promise<Outcome | undefined> {
  const { vmid, template } = draft.status
  const source = template && (await cluster.templates.config(template))
  if (source?.is !== 'template') return undefined
  const has = look.seen.config?.values ?? {}
  const missing = Object.keys(source.facts.config).filter((key) => isDriveKey(key) && has[key] === undefined)
  if (missing.length === 0) return undefined
  return stalled(
    'StuckLock',
    `VM ${vmid} on ${look.seen.node} belongs to this object and lacks ${missing.join(', ')} of template ${template?.vmid}: its clone did not finish, and somebody removed its lock. The operator changes nothing. If the VM holds nothing of value, delete it in PVE, with the disks that its configuration does not name; the operator then clones it again with the same VMID and addresses.`,
  )
}

/** Nobody works on a guest under lock `clone`. One that runs was not half made by a clone of ours. */
export function stuckCopy(at: { readonly node: string; readonly vmid: number }, isRunning: boolean): string {
  if (isRunning)
    return `${stuckLock(at, 'clone')} But the VM runs, so it is not an unfinished copy. The operator does not touch it; do not destroy it before you know whose it is.`
  return `${stuckLock(at, 'clone')} Otherwise the copy is unfinished: an admin must run on ${at.node}: ${destroyCopy(at.vmid)}. The operator then clones it again with the same VMID and addresses.`
}

/** The disk that was being copied is not in the configuration yet. */
export const destroyCopy = (vmid: number): string => `qm unlock ${vmid} && qm destroy ${vmid} --destroy-unreferenced-disks 1`

/** PVE has not written the configuration of the copy yet, so that it has no owner line either (PVE::API2::Qemu clone_vm). */
export const isStub = (values: Readonly<Record<string, string>> | undefined): boolean =>
  values?.description?.trim() === 'qmclone temporary file'
