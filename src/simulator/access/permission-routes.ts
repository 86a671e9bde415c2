import { paramError, PveRefusal } from '../http/refusal.ts'
import { flag, str, type Call, type Route } from '../routes.ts'
import type { AclSpec } from '../world/spec.ts'
import { isUsable, makeTicket, userOfTicket } from './authenticate.ts'
import { mayModify, normalizePath, tidyPath } from './declared.ts'
import { splitList } from '../schema/named.ts'
import { type Identity, identityOf } from './identity.ts'

/** Paths whose rights are always told, besides those that have entries (PVE::RPCEnvironment get_effective_permissions). */
const toldPaths = ['/', '/access', '/access/groups', '/nodes', '/pool', '/sdn', '/storage', '/vms']

function rightsAt(call: Call, who: Identity, path: string): Record<string, number> {
  return Object.fromEntries([...call.world.access.permissions(who, path)].map(([privilege, propagate]) => [privilege, propagate ? 1 : 0]))
}

/** One's own rights, those of one's own tokens, or with Sys.Audit on /access anybody's. */
function readPermissions(call: Call): Record<string, Record<string, number>> {
  const { access } = call.world
  const userid = str(call, 'userid') ?? call.user.id
  const who = identityOf(userid)
  const isOwn = userid === call.user.id || (who.token !== undefined && who.user === call.user.id)
  if (!isOwn) call.check('/access', ['Sys.Audit'])
  const path = str(call, 'path')
  if (path !== undefined) return { [path]: rightsAt(call, who, path) }
  const members = [...access.pools.values()].flatMap(({ vms, storages }) => [
    ...[...vms].map((vmid) => `/vms/${vmid}`),
    ...[...storages].map((storage) => `/storage/${storage}`),
  ])
  const told = [...new Set([...toldPaths, ...access.tree.paths(), ...members])].map((one) => [one, rightsAt(call, who, one)] as const)
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
  const seesAll = access.has(call.user, '/access', 'Sys.Audit')
  return access.tree.list().flatMap(([path, entries]) => {
    if (!seesAll && !mayModify(access, call.user, path)) return []
    return entries.map(({ type, ugid, roleid, propagate }) => ({ path, type, ugid, roleid, propagate: propagate ? 1 : 0 }))
  })
}

function failed(text: string): PveRefusal {
  return new PveRefusal(500, `ACL update failed: ${text}`)
}

/** Who may not modify permissions can hand on, or take away, only what they have themselves (recording 40). */
function checkRole(call: Call, path: string, role: string): void {
  const { access } = call.world
  const privileges = access.roles.get(role)
  if (privileges === undefined) throw failed(`role '${role}' does not exist`)
  const own = access.permissions(call.user, path)
  if (call.user.isRoot || own.has('Permissions.Modify')) return
  const isRemoval = flag(call, 'delete')
  const verb = isRemoval ? 'remove' : 'add'
  const text = (how: string): PveRefusal => failed(`400 Parameter verification failed.\nrole: Cannot ${verb} role '${role}' ${how}`)
  for (const privilege of privileges) {
    if (!own.has(privilege)) throw text("- requires 'Permissions.Modify' or superset of privileges.")
    if (!isRemoval && flag(call, 'propagate', true) && own.get(privilege) !== true)
      throw text("with propagation - requires 'Permissions.Modify' or propagated superset of privileges.")
  }
  if (role === 'NoAccess') throw text("- requires 'Permissions.Modify'")
}

function updateAcl(call: Call): null {
  const { access } = call.world
  const lists = {
    user: splitList(str(call, 'users') ?? ''),
    group: splitList(str(call, 'groups') ?? ''),
    token: splitList(str(call, 'tokens') ?? ''),
  }
  if (Object.values(lists).every((list) => list.length === 0)) {
    const text = "either 'users', 'groups' or 'tokens' is required."
    throw paramError({ groups: text, tokens: text, users: text })
  }
  const given = str(call, 'path') ?? ''
  const path = flag(call, 'delete') ? tidyPath(given) : normalizePath(given)
  if (path === undefined) throw paramError({ path: `invalid ACL path '${given}'` })
  const known = { user: access.users, group: access.groups, token: access.tokens }
  for (const roleid of splitList(str(call, 'roles') ?? '')) {
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

/** The privileges a client's menu is made from: by the first part of the path (PVE::RPCEnvironment compute_api_permission). */
const capabilities: Readonly<Record<string, RegExp>> = {
  vms: /^(?:VM\.|Permissions\.Modify)/,
  access: /^(?:(?:User|Group)\.|Permissions\.Modify)/,
  storage: /^(?:Datastore\.|Permissions\.Modify)/,
  nodes: /^(?:Sys\.|Permissions\.Modify)/,
  sdn: /^(?:SDN\.|Permissions\.Modify)/,
  dc: /^(?:Sys\.Audit|Sys\.Modify|SDN\.)/,
  mapping: /^(?:Mapping\.|Permissions.Modify)/,
}

function capabilitiesOf(call: Call, who: Identity): Record<string, Record<string, 1>> {
  const { access } = call.world
  const out: Record<string, Record<string, 1>> = Object.fromEntries(Object.keys(capabilities).map((name) => [name, {}]))
  const add = (name: string, privilege: string): void => {
    const known = out[name]
    if (known && capabilities[name]?.test(privilege)) known[privilege] = 1
  }
  for (const path of new Set(['/', '/nodes', '/access/groups', '/vms', '/storage', '/sdn', '/mapping', ...access.tree.paths()])) {
    const top = /^\/(\w+)/.exec(path)?.[1] ?? 'dc'
    for (const privilege of access.permissions(who, path).keys())
      for (const name of top === 'pool' ? ['vms', 'storage'] : [top]) add(name, privilege)
  }
  return out
}

/** Password login; the simulator's users have one only when the scenario or a client gives it. A ticket of root@pam makes anybody's. */
async function createTicket(call: Call): Promise<Record<string, unknown>> {
  const { world } = call
  const realm = str(call, 'realm')
  const username = `${str(call, 'username') ?? ''}${realm === undefined ? '' : `@${realm}`}`
  const password = str(call, 'password') ?? ''
  const user = world.access.users.get(username)
  const holder = userOfTicket(world, password)
  const isRight = (user?.password !== undefined && user.password === password) || holder === username || holder === 'root@pam'
  const isWelcome = isUsable(world, username) && isRight
  const who = identityOf(username)
  const path = str(call, 'path')
  const privileges = splitList(str(call, 'privs') ?? '')
  const isAllowed = path === undefined || privileges.every((privilege) => world.access.has(who, normalizePath(path) ?? '', privilege))
  if (!isWelcome || !isAllowed) {
    await world.clock.sleep(world.spec.authDelayMs ?? 3000)
    throw new PveRefusal(401, 'authentication failure')
  }
  const { clusterName } = world.spec
  const more = clusterName === undefined || !world.access.has(who, '/', 'Sys.Audit') ? {} : { clustername: clusterName }
  if (path !== undefined) return { username, cap: capabilitiesOf(call, who), ...more }
  const { ticket, csrf } = makeTicket(world, username)
  return { username, ticket, CSRFPreventionToken: csrf, cap: capabilitiesOf(call, who), ...more }
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
