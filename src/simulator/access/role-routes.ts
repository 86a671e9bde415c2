/** /access/roles: names that begin with PVE are PVE's own, privileges must exist (PVE::API2::Role). */
import { paramError, refuse } from '../http/refusal.ts'
import { flag, str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'

const asMap = (privileges: readonly string[]): Record<string, number> => Object.fromEntries(privileges.map((name) => [name, 1]))

const roleId = (call: Call): string => str(call, 'roleid') ?? ''

function isSpecial(call: Call, roleid: string): boolean {
  return roleid in call.world.access.builtIn.roles
}

function roleOf(call: Call, prefix = ''): readonly string[] {
  return call.world.access.roles.get(roleId(call)) ?? refuse(`${prefix}role '${roleId(call)}' does not exist`)
}

/** The privileges of a call; those of another release of PVE are as unknown as nonsense. */
function privilegesOf(call: Call): string[] {
  const given = splitList(str(call, 'privs') ?? '')
  const unknown = given.find((name) => !call.world.access.builtIn.all.includes(name))
  if (unknown !== undefined) throw paramError({ privs: `invalid format - invalid privilege '${unknown}'\n` })
  return given
}

function setRole(call: Call, privileges: readonly string[]): null {
  call.world.access.roles.set(roleId(call), [...new Set(privileges)].toSorted())
  call.world.access.changed()
  return null
}

function createRole(call: Call): null {
  const privileges = privilegesOf(call)
  const roleid = roleId(call)
  if (/^PVE/i.test(roleid)) throw paramError({ roleid: "cannot use role ID starting with the (case-insensitive) 'PVE' namespace" })
  if (call.world.access.roles.has(roleid)) refuse(`create role failed: role '${roleid}' already exists`)
  return setRole(call, privileges)
}

function updateRole(call: Call): null {
  const privileges = privilegesOf(call)
  if (isSpecial(call, roleId(call))) refuse(`auto-generated role '${roleId(call)}' cannot be modified`)
  const known = roleOf(call, 'update role failed: ')
  return setRole(call, flag(call, 'append') ? [...known, ...privileges] : privileges)
}

function deleteRole(call: Call): null {
  if (isSpecial(call, roleId(call))) refuse(`auto-generated role '${roleId(call)}' cannot be deleted`)
  roleOf(call, 'delete role failed: ')
  call.world.access.forgetRole(roleId(call))
  return null
}

function listRoles(call: Call): Record<string, unknown>[] {
  return [...call.world.access.roles].map(([roleid, privileges]) => ({
    roleid,
    privs: privileges.toSorted().join(','),
    special: isSpecial(call, roleid) ? 1 : 0,
  }))
}

export const roleRoutes: readonly Route[] = [
  { method: 'GET', path: '/access/roles', handler: listRoles },
  { method: 'POST', path: '/access/roles', handler: createRole },
  { method: 'GET', path: '/access/roles/{roleid}', handler: (call) => asMap(roleOf(call)) },
  { method: 'PUT', path: '/access/roles/{roleid}', handler: updateRole },
  { method: 'DELETE', path: '/access/roles/{roleid}', handler: deleteRole },
]
