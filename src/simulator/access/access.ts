import { forbidden } from '../http/refusal.ts'
import type { AclSpec, WorldSpec } from '../world/spec.ts'
import { type Identity, identityOf } from './identity.ts'
import { allPrivileges, builtInRoles } from './privileges.ts'

export interface User {
  userid: string
  enable: boolean
  password: string | undefined
  expire: number
}

export interface Token {
  tokenid: string
  secret: string
  privsep: boolean
  expire: number
  comment?: string
}

export interface Pool {
  poolid: string
  comment: string | undefined
  vms: Set<number>
  storages: Set<string>
}

interface Entry {
  type: AclSpec['type']
  ugid: string
  roleid: string
  propagate: boolean
}

const everything: ReadonlyMap<string, boolean> = new Map(allPrivileges.map((p) => [p, true]))

/** user.cfg: users, tokens, roles, pools, the permission tree and the questions put to it. */
export class Access {
  readonly users = new Map<string, User>()
  readonly groups = new Map<string, Set<string>>()
  readonly tokens = new Map<string, Token>()
  readonly pools = new Map<string, Pool>()
  readonly roles = new Map<string, readonly string[]>()
  /** Path → entries. */
  readonly tree = new Map<string, Entry[]>()
  #cache = new Map<string, ReadonlyMap<string, boolean>>()

  constructor(spec: Pick<WorldSpec, 'users' | 'groups' | 'tokens' | 'acl' | 'pools' | 'roles'>) {
    for (const [role, privileges] of Object.entries({ ...builtInRoles, ...spec.roles })) this.roles.set(role, privileges)
    for (const u of spec.users)
      this.users.set(u.userid, { userid: u.userid, enable: u.enable ?? true, password: u.password, expire: u.expire ?? 0 })
    for (const g of spec.groups ?? []) this.groups.set(g.groupid, new Set(g.users))
    for (const t of spec.tokens)
      this.tokens.set(t.tokenid, { tokenid: t.tokenid, secret: t.secret, privsep: t.privsep ?? true, expire: t.expire ?? 0 })
    for (const a of spec.acl) this.grant(a)
    for (const p of spec.pools)
      this.pools.set(p.poolid, { poolid: p.poolid, comment: p.comment, vms: new Set(p.vms), storages: new Set(p.storages) })
  }

  /** Call after any change of users, tokens, pools or the tree. */
  changed(): void {
    this.#cache = new Map()
  }

  grant(acl: AclSpec): void {
    const list = this.tree.get(acl.path) ?? []
    const rest = list.filter((e) => !(e.type === acl.type && e.ugid === acl.ugid && e.roleid === acl.roleid))
    rest.push({ type: acl.type, ugid: acl.ugid, roleid: acl.roleid, propagate: acl.propagate ?? true })
    this.tree.set(acl.path, rest)
    this.changed()
  }

  revoke(acl: Omit<AclSpec, 'propagate'>): void {
    const rest = (this.tree.get(acl.path) ?? []).filter((e) => !(e.type === acl.type && e.ugid === acl.ugid && e.roleid === acl.roleid))
    if (rest.length > 0) this.tree.set(acl.path, rest)
    else this.tree.delete(acl.path)
    this.changed()
  }

  /** What a destroyed guest loses: its entries in the tree and its place in a pool. */
  forgetGuest(vmid: number): void {
    this.tree.delete(`/vms/${vmid}`)
    for (const pool of this.pools.values()) pool.vms.delete(vmid)
    this.changed()
  }

  poolOf(vmid: number): string | undefined {
    for (const pool of this.pools.values()) if (pool.vms.has(vmid)) return pool.poolid
    return undefined
  }

  /** Privilege → whether it propagates, for one path (PVE::RPCEnvironment permissions). */
  permissions(who: Identity, path: string): ReadonlyMap<string, boolean> {
    if (who.isRoot || (who.user === 'root@pam' && !this.tokens.get(who.id)?.privsep)) return everything
    const key = `${who.id}\n${path}`
    const known = this.#cache.get(key)
    if (known) return known
    const answer = this.#compute(who, path)
    if (this.#cache.size > 200_000) this.#cache = new Map()
    this.#cache.set(key, answer)
    return answer
  }

  has(who: Identity, path: string, privilege: string): boolean {
    return who.isRoot || this.permissions(who, path).has(privilege)
  }

  hasAny(who: Identity, path: string, privileges: readonly string[]): boolean {
    return privileges.some((p) => this.has(who, path, p))
  }

  check(who: Identity, path: string, privileges: readonly string[], any = false): void {
    if (any) {
      if (!this.hasAny(who, path, privileges)) throw forbidden(`${path}, ${privileges.join('|')}`)
      return
    }
    for (const privilege of privileges) if (!this.has(who, path, privilege)) throw forbidden(`${path}, ${privilege}`)
  }

  #compute(who: Identity, path: string): ReadonlyMap<string, boolean> {
    if (who.token !== undefined) {
      const owner = this.permissions(identityOf(who.user), path)
      if (!this.tokens.get(who.id)?.privsep) return owner
      const own = this.#ofPrincipal(who.id, path)
      return new Map([...own].filter(([p]) => owner.has(p)).map(([p, propagate]) => [p, propagate && (owner.get(p) ?? false)]))
    }
    return this.#ofPrincipal(who.id, path)
  }

  #ofPrincipal(id: string, path: string): ReadonlyMap<string, boolean> {
    const roles = new Map(this.#rolesAt(id, path))
    for (const pool of this.pools.values()) {
      const isMember = [...memberPaths(path)].some((m) =>
        m.vmid !== undefined ? pool.vms.has(m.vmid) : pool.storages.has(m.storage ?? ''),
      )
      if (!isMember) continue
      for (const [role, propagate] of this.#rolesAt(id, `/pool/${pool.poolid}`)) if (!roles.has(role)) roles.set(role, propagate)
    }
    const out = new Map<string, boolean>()
    if (roles.has('NoAccess')) return out
    for (const [role, propagate] of roles) for (const p of this.roles.get(role) ?? []) out.set(p, propagate || (out.get(p) ?? false))
    return out
  }

  /** Roles of a user or token at a path: the deepest level that names it wins, a user's entry beats a group's. */
  #rolesAt(id: string, path: string): ReadonlyMap<string, boolean> {
    let roles = new Map<string, boolean>()
    const isToken = id.includes('!')
    for (const level of levels(path)) {
      const entries = (this.tree.get(level) ?? []).filter((e) => level === path || e.propagate)
      const own = entries.filter((e) => e.type === (isToken ? 'token' : 'user') && e.ugid === id)
      const found = own.length > 0 ? own : isToken ? [] : entries.filter((e) => e.type === 'group' && this.groups.get(e.ugid)?.has(id))
      if (found.length === 0) continue
      roles = new Map(found.some((e) => e.roleid === 'NoAccess') ? [['NoAccess', true]] : found.map((e) => [e.roleid, e.propagate]))
    }
    return roles
  }
}

function levels(path: string): string[] {
  const out = ['/']
  let at = ''
  for (const part of path.split('/').filter(Boolean)) {
    at += `/${part}`
    out.push(at)
  }
  return out
}

function memberPaths(path: string): { vmid?: number; storage?: string }[] {
  const vm = /^\/vms\/(\d+)$/.exec(path)
  if (vm) return [{ vmid: Number(vm[1]) }]
  const storage = /^\/storage\/([^/]+)$/.exec(path)
  return storage ? [{ storage: storage[1] as string }] : []
}
