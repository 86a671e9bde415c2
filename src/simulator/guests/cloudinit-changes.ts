/** What a running guest's cloud-init drive does not know yet: section [special:cloudinit] of its config file. */
import type { Guest } from './guest.ts'

/** Notes a change that was made live; undefined: not set (PVE::QemuServer $cloudinit_record_changed). */
export function recordChange(guest: Guest, key: string, old: string | undefined, wanted: string | undefined): void {
  const { added, recorded } = guest.cloudInitChanges
  const known = recorded.get(key)
  if (wanted === undefined) {
    if (old === undefined || known !== undefined) return
    if (!added.delete(key)) recorded.set(key, old)
  } else if (known !== undefined) {
    if (wanted === known) recorded.delete(key)
  } else if (!added.has(key)) {
    if (old === undefined) added.add(key)
    else recorded.set(key, old)
  }
}
