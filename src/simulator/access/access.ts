import { forbidden } from '../http/refusal.ts'
import type { AclSpec, WorldSpec } from '../world/spec.ts'
import { type Identity, identityOf } from './identity.ts'
import { AclTree } from './acl-tree.ts'
import { privilegesOf } from './privileges.ts'

/** What PVE knows of a person besides the id; every field as it was given. */
export const userDetails = ['firstname', 'lastname', 'email', 'comment', 'keys'] as const

export interface User {
  userid: string
  enable: boolean
  password: string | undefined
  /** Seconds since the epoch, 0: never. */
  expire: number
  details: Partial<Record<(typeof userDetails)[number], string>>
}

/** A field of user.cfg as it is read back: without the white space round it; blank and `0` are nothing (PVE::AccessControl parse_user_config). */
export function storedField(given: string | undefined): string | undefined {
  const value = given?.trim()
  return value === '' || value === '0' ? undefined : value
}

export interface Group {
  groupid: string
  comment?: string
  users: Set<string>
}

export interface Token {
  tokenid: string
  secret: string
  /** Another one that works too. */
  alias?: string
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

/** user.cfg: users, groups, tokens, roles, pools, the permission tree and the questions put to it. */
export class Access {
  readonly users = new Map<string, User>()
  readonly groups = new Map<string, Group>()
  readonly tokens = new Map<string, Token>()
  readonly pools = new Map<string, Pool>()
  readonly roles = new Map<string, readonly string[]>()
  readonly tree = new AclTree()
  /** Every privilege of this version, and the roles it brings. */
  readonly builtIn: ReturnType<typeof privilegesOf>
  readonly #everything: ReadonlyMap<string, boolean>
  #cache = new Map<string, ReadonlyMap<string, boolean>>()

  constructor(spec: Pick<WorldSpec, 'version' | 'users' | 'groups' | 'tokens' | 'acl' | 'pools' | 'roles'>) {
    this.builtIn = privilegesOf(spec.version.release)
    this.#everything = new Map(this.builtIn.all.map((privilege) => [privilege, true]))
    for (const [role, privileges] of Object.entries({ ...this.builtIn.roles, ...spec.roles })) this.roles.set(role, privileges)
    for (const { userid, enable = true, password, expire = 0 } of spec.users)
      this.users.set(userid, { userid, enable, password, expire, details: {} })
    for (const { groupid, users } of spec.groups ?? []) this.groups.set(groupid, { groupid, users: new Set(users) })
    for (const { tokenid, secret, alias, privsep = true, expire = 0 } of spec.tokens)
      this.tokens.set(tokenid, { tokenid, secret, privsep, expire, ...(alias === undefined ? {} : { alias }) })
    for (const entry of spec.acl) this.grant(entry)
    for (const { poolid, comment, vms, storages } of spec.pools)
      this.pools.set(poolid, { poolid, comment, vms: new Set(vms), storages: new Set(storages) })
  }

  /** Call after any change of users, groups, tokens, roles, pools or the tree. */
  changed(): void {
    this.#cache = new Map()
  }

  grant(acl: AclSpec): void {
    this.tree.grant(acl)
    this.changed()
  }

  revoke(acl: Omit<AclSpec, 'propagate'>): void {
    this.tree.revoke(acl)
    this.changed()
  }

  /** What goes with a user: tokens, memberships and every entry of the tree (PVE::AccessControl delete_user_acl). */
  forgetUser(userid: string): void {
    this.users.delete(userid)
    for (const group of this.groups.values()) group.users.delete(userid)
    for (const tokenid of this.tokens.keys()) if (tokenid.startsWith(`${userid}!`)) this.forgetToken(tokenid)
    this.tree.drop((entry) => entry.type === 'user' && entry.ugid === userid)
    this.changed()
  }

  /** The next reading of user.cfg ignores entries of a token that is gone, the next writing drops them (recording 60). */
  forgetToken(tokenid: string): void {
    this.tokens.delete(tokenid)
    this.tree.drop((entry) => entry.type === 'token' && entry.ugid === tokenid)
    this.changed()
  }

  forgetGroup(groupid: string): void {
    this.groups.delete(groupid)
    this.tree.drop((entry) => entry.type === 'group' && entry.ugid === groupid)
    this.changed()
  }

  forgetRole(roleid: string): void {
    this.roles.delete(roleid)
    this.tree.drop((entry) => entry.roleid === roleid)
    this.changed()
  }

  /** The pool's own entries go with it, and those of pools nested in it (PVE::AccessControl delete_pool_acl). */
  forgetPool(poolid: string): void {
    this.pools.delete(poolid)
    this.tree.dropPath(`/pool/${poolid}`)
    this.changed()
  }

  /** What a destroyed guest loses, purge or not: its entries in the tree and its place in a pool. */
  forgetGuest(vmid: number): void {
    this.tree.dropPath(`/vms/${vmid}`)
    for (const pool of this.pools.values()) pool.vms.delete(vmid)
    this.changed()
  }

  poolOf(vmid: number): string | undefined {
    for (const pool of this.pools.values()) if (pool.vms.has(vmid)) return pool.poolid
    return undefined
  }

  /** Privilege → whether it propagates, for one path (PVE::RPCEnvironment permissions). */
  permissions(who: Identity, path: string): ReadonlyMap<string, boolean> {
    const token = who.token === undefined ? undefined : this.tokens.get(who.id)
    if (who.token !== undefined && token === undefined) return new Map()
    if (who.isRoot || (who.user === 'root@pam' && !token?.privsep)) return this.#everything
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
    if (who.token === undefined) return this.#ofPrincipal(who.id, path)
    const owner = this.permissions(identityOf(who.user), path)
    if (!this.tokens.get(who.id)?.privsep) return owner
    const own = this.#ofPrincipal(who.id, path)
    return new Map([...own].filter(([p]) => owner.has(p)).map(([p, propagate]) => [p, propagate && (owner.get(p) ?? false)]))
  }

  /** Roles of the path, and those on the pools it is a member of: these never propagate further (compile_acl_path). */
  #ofPrincipal(id: string, path: string): ReadonlyMap<string, boolean> {
    const isMember = (groupid: string): boolean => this.groups.get(groupid)?.users.has(id) ?? false
    const roles = new Map(this.tree.rolesAt(id, path, isMember))
    if (roles.has('NoAccess')) return new Map()
    for (const pool of this.#poolsOf(path)) {
      for (const role of this.tree.rolesAt(id, `/pool/${pool.poolid}`, isMember).keys()) {
        if (role === 'NoAccess') return new Map()
        if (!roles.has(role)) roles.set(role, false)
      }
    }
    const out = new Map<string, boolean>()
    for (const [role, propagate] of roles) for (const p of this.roles.get(role) ?? []) out.set(p, propagate || (out.get(p) ?? false))
    return out
  }

  #poolsOf(path: string): Pool[] {
    const vmid = /^\/vms\/(\d+)$/.exec(path)?.[1]
    const storage = /^\/storage\/([^/]+)$/.exec(path)?.[1]
    if (vmid === undefined && storage === undefined) return []
    return [...this.pools.values()].filter((pool) => (vmid === undefined ? pool.storages.has(storage ?? '') : pool.vms.has(Number(vmid))))
  }
}
