import { refuse } from '../http/refusal.ts'
import { vmOptions } from '../schema/schema.ts'
import { digestOf, type Guest, type Section } from './guest.ts'

/** A value as the API prints it: integers and booleans as JSON numbers, everything else as text (recording 14). */
export function apiValue(key: string, text: string): string | number {
  if (key === 'cipassword') return '**********'
  const type = vmOptions[key]?.type
  return type === 'integer' || type === 'boolean' || key === 'snaptime' ? Number(text) : text
}

function object(section: Section): Record<string, string | number> {
  const out: Record<string, string | number> = {}
  for (const [key, value] of section) out[key] = apiValue(key, value)
  return out
}

/** GET config: by default as it will be after the next cold start (PVE::AbstractConfig load_current_config and its callers). */
export function configView(guest: Guest, o: { current: boolean; snapshot: string | undefined }): Record<string, string | number> {
  if (o.snapshot !== undefined) {
    const snapshot = guest.snapshots.get(o.snapshot)
    if (!snapshot) refuse(`snapshot '${o.snapshot}' does not exist`)
    const { description, snaptime, parent } = snapshot
    const own = { snaptime, ...(description === '' ? {} : { description }), ...(parent === undefined ? {} : { parent }) }
    return { ...object(snapshot.config), ...own, digest: digestOf(guest) }
  }
  const merged = new Map(guest.config)
  if (!o.current) {
    for (const key of guest.deletions.keys()) merged.delete(key)
    for (const [key, value] of guest.pending) merged.set(key, value)
  }
  return { ...object(merged), digest: digestOf(guest) }
}

/** GET pending: one entry a key (PVE::GuestHelpers config_with_pending_array). */
export function pendingView(guest: Guest): Record<string, string | number>[] {
  const out: Record<string, string | number>[] = []
  for (const [key, value] of guest.config) {
    const entry: Record<string, string | number> = { key, value: apiValue(key, value) }
    const pending = guest.pending.get(key)
    if (pending !== undefined) entry['pending'] = apiValue(key, pending)
    const deletion = guest.deletions.get(key)
    if (deletion !== undefined) entry['delete'] = deletion ? 2 : 1
    out.push(entry)
  }
  for (const [key, value] of guest.pending) if (!guest.config.has(key)) out.push({ key, pending: apiValue(key, value) })
  out.push({ key: 'digest', value: digestOf(guest) })
  return out
}
