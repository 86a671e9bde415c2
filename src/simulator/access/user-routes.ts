/** /access/users and /access/password (PVE::API2::User, PVE::API2::AccessControl). */
import { PveRefusal, refuse } from '../http/refusal.ts'
import { flag, int, str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import { storedField, userDetails, type User } from './access.ts'
import { realmOf } from './realm-routes.ts'
import { tokensOf } from './token-routes.ts'

function userRow({ enable, expire, details }: User): Record<string, unknown> {
  return { enable: enable ? 1 : 0, expire, ...details }
}

function groupsOf(call: Call, userid: string): string[] {
  return [...call.world.access.groups.values()]
    .filter(({ users }) => users.has(userid))
    .map(({ groupid }) => groupid)
    .toSorted()
}

/** Users of groups one may modify or audit, and oneself. A token is not its user here (recording 01). */
function listUsers(call: Call): Record<string, unknown>[] {
  const { access } = call.world
  const privileges = ['User.Modify', 'Sys.Audit']
  const seesAll = access.hasAny(call.user, '/access/groups', privileges)
  const mine = [...access.groups.values()].filter(({ groupid }) => access.hasAny(call.user, `/access/groups/${groupid}`, privileges))
  const isSeen = (userid: string): boolean => seesAll || userid === call.user.id || mine.some(({ users }) => users.has(userid))
  return [...access.users.values()]
    .filter(({ userid }) => isSeen(userid))
    .filter(({ enable }) => call.params['enabled'] === undefined || enable === flag(call, 'enabled'))
    .toSorted((a, b) => (a.userid < b.userid ? -1 : 1))
    .map((user) => ({
      userid: user.userid,
      ...userRow(user),
      ...(flag(call, 'full') ? { groups: groupsOf(call, user.userid).join(','), tokens: tokenList(call, user.userid) } : {}),
      ...(realmOf(user.userid) === undefined ? {} : { 'realm-type': realmOf(user.userid)?.type }),
    }))
}

function tokenList(call: Call, userid: string): Record<string, unknown>[] | null {
  const tokens = tokensOf(call, userid)
  return tokens.length === 0 ? null : tokens.map(([tokenid, row]) => ({ tokenid, ...row }))
}

function joinGroups(call: Call, userid: string, prefix: string): void {
  for (const name of splitList(str(call, 'groups') ?? '')) {
    const group = call.world.access.groups.get(name) ?? refuse(`${prefix}no such group '${name}'`)
    group.users.add(userid)
  }
}

function createUser(call: Call): null {
  const { access } = call.world
  const userid = str(call, 'userid') ?? ''
  const password = str(call, 'password')
  if (access.users.has(userid)) refuse(`create user failed: user '${userid}' already exists`)
  if (password !== undefined && realmOf(userid) === undefined)
    refuse(`create user failed: auth domain '${userid.split('@').at(-1)}' does not exist`)
  joinGroups(call, userid, 'create user failed: ')
  const user: User = { userid, enable: flag(call, 'enable', true), password, expire: int(call, 'expire') ?? 0, details: {} }
  for (const key of userDetails) setDetail(user, key, str(call, key))
  access.users.set(userid, user)
  access.changed()
  return null
}

/** user.cfg has no empty fields: what is blank is not there at the next reading. */
function setDetail(user: User, key: (typeof userDetails)[number], given: string | undefined): void {
  const value = storedField(given)
  if (value !== undefined) user.details[key] = value
  else if (given !== undefined) delete user.details[key]
}

function userOf(call: Call): User {
  const userid = str(call, 'userid') ?? ''
  return call.world.access.users.get(userid) ?? refuse(`no such user ('${userid}')`)
}

function readUser(call: Call): Record<string, unknown> {
  const user = userOf(call)
  const tokens = tokensOf(call, user.userid)
  return { ...userRow(user), groups: groupsOf(call, user.userid), tokens: tokens.length === 0 ? null : Object.fromEntries(tokens) }
}

function updateUser(call: Call): null {
  const { access } = call.world
  const user = userOf(call)
  if (call.params['enable'] !== undefined) user.enable = flag(call, 'enable')
  user.expire = int(call, 'expire') ?? user.expire
  if (call.params['groups'] !== undefined && !flag(call, 'append'))
    for (const group of access.groups.values()) group.users.delete(user.userid)
  joinGroups(call, user.userid, 'update user failed: ')
  for (const key of userDetails) setDetail(user, key, str(call, key))
  access.changed()
  return null
}

function deleteUser(call: Call): null {
  call.world.access.forgetUser(userOf(call).userid)
  return null
}

/** Root may set everybody's password, everybody else but root's and those of the host's own users. */
function changePassword(call: Call): null {
  const user = userOf(call)
  const isSelf = call.user.id === user.userid
  if (!call.user.isRoot && !isSelf && user.userid.endsWith('@pam')) throw new PveRefusal(403, 'Permission check failed')
  user.password = str(call, 'password')
  return null
}

const one = '/access/users/{userid}'

export const userRoutes: readonly Route[] = [
  { method: 'GET', path: '/access/users', handler: listUsers },
  { method: 'POST', path: '/access/users', handler: createUser },
  { method: 'GET', path: one, handler: readUser },
  { method: 'PUT', path: one, handler: updateUser },
  { method: 'DELETE', path: one, handler: deleteUser },
  { method: 'GET', path: `${one}/tfa`, handler: (call) => (userOf(call), flag(call, 'multiple') ? { user: [] } : {}) },
  { method: 'PUT', path: '/access/password', handler: changePassword },
]
