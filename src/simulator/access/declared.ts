import { forbidden } from '../http/refusal.ts'
import type { MethodInfo, PermissionCheck } from '../schema/schema.ts'
import type { Access } from './access.ts'
import type { Identity } from './identity.ts'

type Raw = Readonly<Record<string, unknown>>

/** Paths a permission may be given on (PVE::AccessControl check_path). */
const aclPath =
  /^(?:\/|\/access(?:\/(?:groups|realm)(?:\/[^/]+)?)?|\/nodes(?:\/[^/]+)?|\/pool(?:\/[A-Za-z0-9._-]+){0,3}|\/sdn(?:\/.+)?|\/storage(?:\/[^/]+)?|\/vms(?:\/[1-9]\d{2,})?|\/mapping(?:\/.+)?)$/

function isAclPath(path: string): boolean {
  return aclPath.test(path)
}

/** PVE::AccessControl normalize_path: undefined for other characters than a path may have. */
function tidyPath(path: string): string | undefined {
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
  if (op === 'userid-param') return params['userid'] === who.user && who.token === undefined ? true : deny(quiet)
  if (op === 'userid-group') return access.hasAny(who, '/access/groups', rest[0] as string[]) ? true : deny(quiet)
  if (op === 'perm-modify') return permModify(access, who, normalizePath(fill(String(rest[0]), params)) ?? '/', quiet)
  return deny(quiet)
}

/** Who may allocate below a path may hand on rights there (PVE::RPCEnvironment check_perm_modify). */
function permModify(access: Access, who: Identity, path: string, quiet: boolean): boolean {
  const allocate = { storage: 'Datastore.Allocate', vms: 'VM.Allocate', pool: 'Pool.Allocate' }[path.split('/')[1] ?? '']
  const isBelow = path.split('/').length > 2 && allocate !== undefined
  const privileges = ['Permissions.Modify', ...(isBelow ? [allocate] : [])]
  if (quiet) return access.hasAny(who, path, privileges)
  access.check(who, path, privileges, true)
  return true
}

function deny(quiet: boolean): boolean {
  if (quiet) return false
  throw forbidden()
}

function perm(access: Access, who: Identity, rest: readonly unknown[], params: Raw, quiet: boolean): boolean {
  const [template, privileges, ...options] = rest as [string, string[], ...unknown[]]
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

function fill(template: string, params: Raw): string {
  return template.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
    const value = params[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  })
}
