/** Tags: how they are stored and who may set which (PVE::GuestHelpers get_unique_tags, assert_tag_permissions). */
import { forbidden } from '../http/refusal.ts'
import type { Call } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import type { World } from '../world/world.ts'

/** A line of datacenter.cfg as its parts: `user-allow=list,user-allow-list=a;b`. */
function partsOf(world: World, key: string): Readonly<Record<string, string>> {
  return Object.fromEntries((world.datacenter.get(key) ?? '').split(',').map((part) => part.split('=', 2) as [string, string]))
}

/** Each once, sorted and in lower case unless the datacenter's tag-style says otherwise. */
export function uniqueTags(world: World, text: string): string {
  const style = partsOf(world, 'tag-style')
  const isCaseSensitive = /^(?:1|on|yes|true)$/i.test(style['case-sensitive'] ?? '')
  const tags = splitList(isCaseSensitive ? text : text.toLowerCase())
  const ordered = style['ordering'] === 'config' ? tags : tags.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return [...new Set(ordered)].join(';')
}

/** The tags the datacenter's options leave to those without Sys.Modify, and whether any other one is free. */
export function allowedTags(call: Pick<Call, 'world' | 'user'>): { allowed: ReadonlySet<string>; isFree: boolean } {
  const { world, user } = call
  const isPrivileged = world.access.has(user, '/', 'Sys.Modify')
  const registered = splitList(world.datacenter.get('registered-tags') ?? '')
  const access = partsOf(world, 'user-tag-access')
  const mode = access['user-allow'] ?? 'free'
  const allowed = new Set<string>()
  if (mode !== 'none' || isPrivileged) for (const tag of splitList(access['user-allow-list'] ?? '')) allowed.add(tag)
  if (mode === 'free' || mode === 'existing' || isPrivileged) {
    for (const guest of world.guests.values()) {
      if (!isPrivileged && !world.access.has(user, `/vms/${guest.vmid}`, 'VM.Audit')) continue
      for (const tag of splitList(guest.config.get('tags') ?? '')) allowed.add(tag)
    }
  }
  for (const tag of registered) {
    if (isPrivileged) allowed.add(tag)
    else allowed.delete(tag)
  }
  return { allowed, isFree: mode === 'free' }
}

/** Throws 403 unless the caller may make this change of a guest's tags. */
export function checkTags(call: Pick<Call, 'world' | 'user' | 'check'>, vmid: number, before: string, after: string): void {
  call.check(`/vms/${vmid}`, ['VM.Config.Options'])
  if (call.world.access.has(call.user, '/', 'Sys.Modify')) return
  const [old, wanted] = [new Set(splitList(before)), new Set(splitList(after))]
  const registered = new Set(splitList(call.world.datacenter.get('registered-tags') ?? ''))
  const { allowed, isFree } = allowedTags(call)
  for (const tag of new Set([...old, ...wanted])) {
    if (old.has(tag) === wanted.has(tag)) continue
    if ((!allowed.has(tag) && !isFree) || registered.has(tag)) throw forbidden(`/, Sys.Modify for modifying tag '${tag}'`)
  }
}
