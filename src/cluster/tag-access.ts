/** Which tags PVE lets the token set and remove (pve-guest-common, PVE::GuestHelpers assert_tag_permissions). Pure. */
import { listOf, type Row, text } from '../proxmox/fields.ts'

/** Of a token without Sys.Modify on /. */
export interface TagAccess {
  /** Any tag that is not registered. */
  readonly isFree: boolean
  readonly allowed: ReadonlySet<string>
  /** Only for those with Sys.Modify. */
  readonly registered: ReadonlySet<string>
}

/** From `GET /cluster/options`, which gives property strings as objects and lists as lists. Undefined: no tag is restricted. */
export function tagAccessOf(options: Row): TagAccess | undefined {
  const registered = new Set(namesIn(options['registered-tags']))
  const access = options['user-tag-access']
  const mode = typeof access === 'object' && access !== null ? (text(access as Row, 'user-allow') ?? 'free') : 'free'
  if (mode === 'free' && registered.size === 0) return undefined
  return { isFree: mode === 'free', allowed: new Set(namesIn(options['allowed-tags'])), registered }
}

const namesIn = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : typeof value === 'string' ? listOf(value) : [])

/** Those of the tags that are added or removed and that PVE does not let the token touch. */
export function refusedTags(access: TagAccess | undefined, before: readonly string[], after: readonly string[]): string[] {
  if (!access) return []
  const touched = [...after.filter((tag) => !before.includes(tag)), ...before.filter((tag) => !after.includes(tag))]
  return touched.filter((tag) => access.registered.has(tag) || !(access.isFree || access.allowed.has(tag)))
}
