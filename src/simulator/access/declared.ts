import { forbidden, refuse } from '../http/refusal.ts'
import { splitList } from '../schema/named.ts'
import type { MethodInfo, PermissionCheck } from '../schema/schema.ts'
import type { Access } from './access.ts'
import type { Identity } from './identity.ts'

type Raw = Readonly<Record<string, unknown>>

const word = '[A-Za-z0-9._-]+'
const sdn = `/sdn(?:/(?:(?:controllers(?:/[A-Za-z0-9_-]+)?)|(?:dns|fabrics|ipams|prefix-lists|route-maps)(?:/[A-Za-z0-9]+)?|zones(?:/${word}(?:/${word}(?:/[1-9][0-9]{0,3})?)?)?))?`

/** Paths a permission may be given on (PVE::AccessControl check_path). */
const aclPath = new RegExp(
  `^(?:/|/access(?:/(?:groups|realm)(?:/${word})?)?|/nodes(?:/${word})?|/pool(?:/${word}){0,3}|${sdn}|/storage(?:/${word})?|` +
    `/vms(?:/[1-9][0-9]{2,})?|/mapping(?:/${word}){0,2})$`,
)

function isAclPath(path: string): boolean {
  return aclPath.test(path)
}

/** PVE::AccessControl normalize_path: undefined for other characters than a path may have. */
export function tidyPath(path: string): string | undefined {
  const tidy = `/${path}`.replaceAll(/\/+/g, '/').replace(/(.)\/$/, '$1')
  return /^[\w./-]+$/.test(tidy) ? tidy : undefined
}

/** The path tidied, or undefined when no permission can be given on it. */
export function normalizePath(path: string): string | undefined {
  const tidy = tidyPath(path)
  return tidy !== undefined && isAclPath(tidy) ? tidy : undefined
}

/** The permission check that a method declares, on raw parameters; throws 403 (PVE::RPCEnvironment exec_api2_perm_check). */
export function checkDeclared(access: Access, who: Identity, info: MethodInfo, params: Raw): void {
  if (who.isRoot) return
  const permissions = info.permissions
  if (permissions?.user === 'all' || permissions?.user === 'world') return
  if (!permissions?.check) throw forbidden('user != root@pam')
  run(access, who, permissions.check, params, false)
}

function run(access: Access, who: Identity, check: PermissionCheck, params: Raw, quiet: boolean): boolean {
  const [op, ...rest] = check
  if (op === 'perm') return perm(access, who, rest, params, quiet)
  if (op === 'and') {
    for (const part of rest as PermissionCheck[]) if (!run(access, who, part, params, quiet)) return false
    return true
  }
  if (op === 'or') {
    if ((rest as PermissionCheck[]).some((part) => run(access, who, part, params, true))) return true
    if (quiet) return false
    throw forbidden()
  }
  if (op === 'userid-param') return useridParam(access, who, String(rest[0]), params, quiet)
  if (op === 'userid-group') return useridGroup(access, who, rest, params, quiet)
  if (op === 'perm-modify') return permModify(access, who, normalizePath(fill(String(rest[0]), params)) ?? '/', quiet)
  return deny(quiet)
}

/** Oneself, or the right to make users in the realm of the one that is named. */
function useridParam(access: Access, who: Identity, what: string, params: Raw, quiet: boolean): boolean {
  const userid = verifiedUserid(params['userid'])
  if (what === 'self') {
    if (!userExists(access, userid, quiet)) return false
    return who.id === userid || deny(quiet)
  }
  const path = `/access/realm/${userid.split('@').at(-1)}`
  if (!quiet) access.check(who, path, ['Realm.AllocateUser'])
  return access.has(who, path, 'Realm.AllocateUser')
}

/** A right on all groups, or on the groups of the user, or on the groups the call names. */
function useridGroup(access: Access, who: Identity, rest: readonly unknown[], params: Raw, quiet: boolean): boolean {
  const privileges = rest[0] as string[]
  const mode = rest.includes('groups_param') ? String(rest[rest.indexOf('groups_param') + 1]) : undefined
  const userid = String(params['userid'])
  const isKnown = mode !== 'create'
  if (isKnown && !userExists(access, userid, quiet)) return false
  if (access.hasAny(who, '/access/groups', privileges)) return true
  const mine = [...access.groups.values()].filter(({ groupid }) => access.hasAny(who, `/access/groups/${groupid}`, privileges))
  if (mode !== undefined) {
    const named = splitList(typeof params['groups'] === 'string' ? params['groups'] : '')
    if (named.length === 0) throw forbidden(`/access/groups, ${privileges.join('|')}`)
    for (const group of named)
      if (!mine.some(({ groupid }) => groupid === group)) throw forbidden(`/access/groups/${group}, ${privileges.join('|')}`)
  }
  return !isKnown || mine.some(({ users }) => users.has(userid)) || deny(quiet)
}

/** PVE::Auth::Plugin verify_username, which dies long before the parameters are judged. */
function verifiedUserid(given: unknown): string {
  const userid = typeof given === 'string' ? given : ''
  if (userid.length < 3) refuse(`user name '${userid}' is too short`)
  if (userid.length > 64) refuse(`user name '${userid}' is too long (${userid.length} > 64)`)
  if (!/^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$/.test(userid)) refuse(`value '${userid}' does not look like a valid user name`)
  return userid
}

function userExists(access: Access, userid: string, quiet: boolean): boolean {
  return access.users.has(userid) || (quiet ? false : refuse(`no such user ('${userid}')`))
}

/** Who may allocate below a path may hand on rights there (PVE::RPCEnvironment check_perm_modify). */
function modifiers(path: string): string[] {
  const allocate = { storage: 'Datastore.Allocate', vms: 'VM.Allocate', pool: 'Pool.Allocate' }[path.split('/')[1] ?? '']
  return ['Permissions.Modify', ...(path.split('/').length > 2 && allocate !== undefined ? [allocate] : [])]
}

export function mayModify(access: Access, who: Identity, path: string): boolean {
  return access.hasAny(who, path, modifiers(path))
}

/** Throws 403 unless the caller may change rights on the path. */
export function checkModify(access: Access, who: Identity, path: string): void {
  access.check(who, path, modifiers(path), true)
}

function permModify(access: Access, who: Identity, path: string, quiet: boolean): boolean {
  if (quiet) return mayModify(access, who, path)
  checkModify(access, who, path)
  return true
}

function deny(quiet: boolean): boolean {
  if (quiet) return false
  throw forbidden()
}

function perm(access: Access, who: Identity, rest: readonly unknown[], params: Raw, quiet: boolean): boolean {
  const [template, declared, ...options] = rest as [string, string[], ...unknown[]]
  const privileges = ofRelease(access, declared)
  const any = options[options.indexOf('any') + 1] === 1 && options.includes('any')
  const needed = options.includes('require_param') ? String(options[options.indexOf('require_param') + 1]) : undefined
  if (needed !== undefined && params[needed] === undefined) return false
  const path = tidyPath(fill(template, params))
  // A path with other characters: nobody can have rights on it but root with its ticket (recording 41).
  if (path === undefined && !quiet) throw forbidden(`, ${privileges.join(any ? '|' : ', ')}`)
  if (path === undefined) return false
  const ok = any ? access.hasAny(who, path, privileges) : privileges.every((p) => access.has(who, path, p))
  if (ok || quiet) return ok
  access.check(who, path, privileges, any)
  return false
}

/** Before PVE 9 one privilege stood for all of the guest agent's. */
function ofRelease(access: Access, privileges: readonly string[]): string[] {
  const known = (privilege: string): string =>
    privilege.startsWith('VM.GuestAgent.') && !access.builtIn.all.includes(privilege) ? 'VM.Monitor' : privilege
  return [...new Set(privileges.map(known))]
}

function fill(template: string, params: Raw): string {
  return template.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
    const value = params[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  })
}
