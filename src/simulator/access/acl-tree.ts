/** The permission tree of user.cfg: who has which role on which path. */
import type { AclSpec } from '../world/spec.ts'

export interface AclEntry {
  type: AclSpec['type']
  ugid: string
  roleid: string
  propagate: boolean
}

/** Entries by path. PVE keeps a real tree: every ancestor of an entry is a node of it. */
export class AclTree {
  readonly #entries = new Map<string, AclEntry[]>()

  /** Path → entries, only paths that have some. */
  list(): [string, readonly AclEntry[]][] {
    return [...this.#entries]
  }

  at(path: string): readonly AclEntry[] {
    return this.#entries.get(path) ?? []
  }

  /** Every node: the paths with entries and all their ancestors (PVE::AccessControl iterate_acl_tree). */
  paths(): ReadonlySet<string> {
    return new Set([...this.#entries.keys()].flatMap(levels))
  }

  grant({ path, type, ugid, roleid, propagate = true }: AclSpec): void {
    const rest = this.at(path).filter((e) => !(e.type === type && e.ugid === ugid && e.roleid === roleid))
    this.#set(path, [...rest, { type, ugid, roleid, propagate }])
  }

  revoke({ path, type, ugid, roleid }: Omit<AclSpec, 'propagate'>): void {
    this.#set(
      path,
      this.at(path).filter((e) => !(e.type === type && e.ugid === ugid && e.roleid === roleid)),
    )
  }

  /** Removes entries wherever they are. */
  drop(isGone: (entry: AclEntry) => boolean): void {
    for (const [path, entries] of this.#entries)
      this.#set(
        path,
        entries.filter((entry) => !isGone(entry)),
      )
  }

  /** Removes a node with everything below it. */
  dropPath(path: string): void {
    for (const known of this.#entries.keys()) if (known === path || known.startsWith(`${path}/`)) this.#entries.delete(known)
  }

  /** Roles of a user or token at a path: the deepest level that names it wins, a user's entry beats its groups' (PVE::AccessControl roles). */
  rolesAt(id: string, path: string, isMember: (groupid: string) => boolean): ReadonlyMap<string, boolean> {
    let roles = new Map<string, boolean>()
    for (const level of levels(path)) {
      const entries = this.at(level).filter((e) => level === path || e.propagate)
      const own = entries.filter((e) => e.type === (id.includes('!') ? 'token' : 'user') && e.ugid === id)
      const found = own.length > 0 ? own : entries.filter((e) => e.type === 'group' && isMember(e.ugid))
      if (found.length > 0) roles = new Map(found.map((e) => [e.roleid, e.propagate]))
    }
    return roles.has('NoAccess') ? new Map([['NoAccess', roles.get('NoAccess') ?? false]]) : roles
  }

  #set(path: string, entries: AclEntry[]): void {
    if (entries.length > 0) this.#entries.set(path, entries)
    else this.#entries.delete(path)
  }
}

/** `/a/b` → `/`, `/a`, `/a/b`. */
function levels(path: string): string[] {
  const out = ['/']
  let at = ''
  for (const part of path.split('/').filter(Boolean)) {
    at += `/${part}`
    out.push(at)
  }
  return out
}
