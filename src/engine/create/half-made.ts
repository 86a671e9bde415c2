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
    `VM ${vmid} on ${look.seen.node} carries this object's mark and lacks ${missing.join(', ')} of template ${template?.vmid}: its clone did not finish, and somebody lifted its lock. Nothing is changed. If it holds nothing of value, remove it in PVE; the operator clones it again then, with the same VMID and addresses.`,
  )
}

/** Nobody works on a guest under lock `clone`. One that runs was not half made by a clone of ours. */
export function stuckCopy(at: { readonly node: string; readonly vmid: number }, isRunning: boolean): string {
  if (isRunning)
    return `${stuckLock(at, 'clone')} But it runs, so it is no half-made copy. Nothing is touched; do not destroy it before you know whose it is.`
  return `${stuckLock(at, 'clone')} Otherwise the copy is half made: an admin must run on ${at.node}: qm unlock ${at.vmid} && qm destroy ${at.vmid}. The operator clones it again then, with the same VMID and addresses.`
}
