import { paramError, PveRefusal } from '../http/refusal.ts'
import { flag, str, type Call, type Route } from '../routes.ts'
import type { AclSpec } from '../world/spec.ts'
import { makeTicket, userOfTicket } from './authenticate.ts'
import { normalizePath } from './declared.ts'
import { type Identity, identityOf } from './identity.ts'

/** Paths whose rights are always told, besides those that have entries (PVE::RPCEnvironment get_effective_permissions). */
const toldPaths = ['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms']

function rightsAt(call: Call, who: Identity, path: string): Record<string, number> {
  return Object.fromEntries([...call.world.access.permissions(who, path)].map(([privilege, propagate]) => [privilege, propagate ? 1 : 0]))
}

function readPermissions(call: Call): Record<string, Record<string, number>> {
  const userid = str(call, 'userid')
  if (userid !== undefined && userid !== call.user.id) call.check('/access', ['Sys.Audit'])
  const who = userid === undefined ? call.user : identityOf(userid)
  const path = str(call, 'path')
  if (path !== undefined) return { [path]: rightsAt(call, who, normalizePath(path) ?? '/') }
  const { access } = call.world
  const pools = [...access.pools.values()].flatMap(({ poolid, vms, storages }) => [
    `/pool/${poolid}`,
    ...[...vms].map((vmid) => `/vms/${vmid}`),
    ...[...storages].map((storage) => `/storage/${storage}`),
  ])
  const paths = [...new Set([...toldPaths, ...access.tree.keys(), ...pools])]
  const told = paths.map((one) => [one, rightsAt(call, who, one)] as const)
  return Object.fromEntries(told.filter(([, rights]) => Object.keys(rights).length > 0))
}

interface AclRow {
  path: string
  type: string
  ugid: string
  roleid: string
  propagate: number
}

/** Everything for an auditor of /access, else what the caller may change. */
function readAcl(call: Call): AclRow[] {
  const { access } = call.world
  const seesAll = access.hasAny(call.user, '/access', ['Sys.Audit', 'Permissions.Modify'])
  return [...access.tree].flatMap(([path, entries]) => {
    if (!seesAll && !access.has(call.user, path, 'Permissions.Modify')) return []
    return entries.map(({ type, ugid, roleid, propagate }) => ({ path, type, ugid, roleid, propagate: propagate ? 1 : 0 }))
  })
}

const listOf = (text: string | undefined): string[] => (text ?? '').split(/[,;\s\0]+/).filter((item) => item !== '')

function failed(text: string): PveRefusal {
  return new PveRefusal(500, `ACL update failed: ${text}`)
}

/** Who may not modify permissions can hand on only what they have themselves (recording 40). */
function checkRole(call: Call, path: string, role: string): void {
  const { access } = call.world
  const privileges = access.roles.get(role)
  if (privileges === undefined) throw failed(`role '${role}' does not exist`)
  if (access.has(call.user, path, 'Permissions.Modify')) return
  if (privileges.every((privilege) => access.has(call.user, path, privilege))) return
  throw failed(
    `400 Parameter verification failed.\nrole: Cannot add role '${role}' - requires 'Permissions.Modify' or superset of privileges.`,
  )
}

function updateAcl(call: Call): null {
  const { access } = call.world
  const lists = { user: listOf(str(call, 'users')), group: listOf(str(call, 'groups')), token: listOf(str(call, 'tokens')) }
  if (Object.values(lists).every((list) => list.length === 0)) {
    const text = "either 'users', 'groups' or 'tokens' is required."
    throw paramError({ groups: text, tokens: text, users: text })
  }
  const given = str(call, 'path') ?? ''
  const path = normalizePath(given)
  if (path === undefined) throw paramError({ path: `invalid ACL path '${given}'` })
  const known = { user: access.users, group: access.groups, token: access.tokens }
  for (const roleid of listOf(str(call, 'roles'))) {
    checkRole(call, path, roleid)
    for (const type of ['group', 'user', 'token'] as const) {
      for (const ugid of lists[type]) {
        if (!known[type].has(ugid))
          throw failed(
            type === 'token'
              ? `no such token '${ugid.split('!')[1] ?? ''}' for user '${ugid.split('!')[0] ?? ''}'`
              : `${type} '${ugid}' does not exist`,
          )
        const entry: AclSpec = { path, type, ugid, roleid, propagate: flag(call, 'propagate', true) }
        if (flag(call, 'delete')) access.revoke(entry)
        else access.grant(entry)
      }
    }
  }
  return null
}

/** Password login; the simulator's users have one only when the scenario gives it. */
async function createTicket(call: Call): Promise<Record<string, unknown>> {
  const given = str(call, 'username') ?? ''
  const username = given.includes('@') ? given : `${given}@${str(call, 'realm') ?? 'pam'}`
  const password = str(call, 'password') ?? ''
  const user = call.world.access.users.get(username)
  const isKnown = user?.enable === true && user.password !== undefined && user.password === password
  if (!isKnown && userOfTicket(call.world, password) !== username) {
    await call.world.clock.sleep(call.world.spec.authDelayMs ?? 3000)
    throw new PveRefusal(401, 'authentication failure')
  }
  const { ticket, csrf } = makeTicket(call.world, username)
  const who = identityOf(username)
  const cap = Object.fromEntries(
    [
      ['vms', '/vms'],
      ['storage', '/storage'],
      ['access', '/access'],
      ['nodes', '/nodes'],
      ['dc', '/'],
      ['sdn', '/sdn'],
      ['mapping', '/mapping'],
    ].map(([name = '', path = '']) => [name, rightsAt(call, who, path)]),
  )
  const { clusterName } = call.world.spec
  return { username, ticket, CSRFPreventionToken: csrf, cap, ...(clusterName === undefined ? {} : { clustername: clusterName }) }
}

export const permissionRoutes: readonly Route[] = [
  { method: 'POST', path: '/access/ticket', handler: createTicket },
  { method: 'GET', path: '/access/ticket', handler: () => null },
  { method: 'GET', path: '/access/permissions', handler: readPermissions },
  { method: 'GET', path: '/access/acl', handler: readAcl },
  { method: 'PUT', path: '/access/acl', handler: updateAcl },
  {
    method: 'GET',
    path: '/access',
    handler: () => 'users groups domains openid acl roles ticket password tfa permissions'.split(' ').map((subdir) => ({ subdir })),
  },
]
