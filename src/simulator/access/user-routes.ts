import { randomUUID } from 'node:crypto'
import { paramError, refuse } from '../http/refusal.ts'
import { flag, int, str, type Call, type Route } from '../routes.ts'
import type { Token } from './access.ts'
import { builtInRoles } from './privileges.ts'

function tokenRow({ privsep, expire, comment }: Token): Record<string, unknown> {
  return { privsep: privsep ? 1 : 0, expire, ...(comment === undefined ? {} : { comment }) }
}

function tokenOf(call: Call): Token {
  const [userid, tokenid] = [str(call, 'userid') ?? '', str(call, 'tokenid') ?? '']
  return call.world.access.tokens.get(`${userid}!${tokenid}`) ?? refuse(`no such token '${tokenid}' for user '${userid}'`)
}

function listTokens(call: Call): Record<string, unknown>[] {
  const userid = str(call, 'userid') ?? ''
  return [...call.world.access.tokens.values()]
    .filter(({ tokenid }) => tokenid.startsWith(`${userid}!`))
    .map((token) => ({ tokenid: token.tokenid.slice(userid.length + 1), ...tokenRow(token) }))
}

function createToken(call: Call): Record<string, unknown> {
  const { access } = call.world
  const userid = str(call, 'userid') ?? ''
  const tokenid = `${userid}!${str(call, 'tokenid') ?? ''}`
  if (!access.users.has(userid)) refuse(`no such user ('${userid}')`)
  if (access.tokens.has(tokenid)) throw paramError({ tokenid: 'Token already exists.' })
  const comment = str(call, 'comment')
  const token: Token = { tokenid, secret: randomUUID(), privsep: flag(call, 'privsep', true), expire: int(call, 'expire') ?? 0 }
  if (comment !== undefined) token.comment = comment
  access.tokens.set(tokenid, token)
  access.changed()
  return { 'full-tokenid': tokenid, info: tokenRow(token), value: token.secret }
}

function updateToken(call: Call): Record<string, unknown> {
  const token = tokenOf(call)
  if (call.params['privsep'] !== undefined) token.privsep = flag(call, 'privsep')
  token.expire = int(call, 'expire') ?? token.expire
  const comment = str(call, 'comment')
  if (comment !== undefined) token.comment = comment
  call.world.access.changed()
  return tokenRow(token)
}

function deleteToken(call: Call): null {
  call.world.access.tokens.delete(tokenOf(call).tokenid)
  call.world.access.changed()
  return null
}

/** Other users are seen by those who may modify or audit them. */
function listUsers(call: Call): Record<string, unknown>[] {
  const { access } = call.world
  const seesAll = access.hasAny(call.user, '/access/groups', ['User.Modify', 'Sys.Audit'])
  // A token is not its user here: without rights it sees nobody (recording 01).
  const seesSelf = call.user.token === undefined
  return [...access.users.values()]
    .filter(({ userid }) => seesAll || (seesSelf && userid === call.user.user))
    .map(({ userid, enable, expire }) => ({ userid, enable: enable ? 1 : 0, expire, 'realm-type': userid.split('@')[1] }))
}

function createUser(call: Call): null {
  const { access } = call.world
  const userid = str(call, 'userid') ?? ''
  call.check(`/access/realm/${userid.split('@')[1] ?? ''}`, ['Realm.AllocateUser'])
  call.check('/access/groups', ['User.Modify'])
  if (access.users.has(userid)) refuse(`create user failed: user '${userid}' already exists`)
  access.users.set(userid, {
    userid,
    enable: flag(call, 'enable', true),
    password: str(call, 'password'),
    expire: int(call, 'expire') ?? 0,
  })
  access.changed()
  return null
}

const text = { type: 'string', optional: 1 }

const userInfo = {
  name: 'create_user',
  allowtoken: 1,
  protected: 1,
  // Its check names the realm, which is a part of a parameter: the handler makes it.
  permissions: { user: 'all' },
  parameters: {
    additionalProperties: 0,
    properties: {
      userid: { type: 'string', format: 'pve-userid', maxLength: 64 },
      password: text,
      enable: { type: 'boolean', optional: 1 },
      expire: { type: 'integer', minimum: 0, optional: 1 },
      comment: text,
      email: text,
      groups: text,
    },
  },
}

const asMap = (privileges: readonly string[]): Record<string, number> => Object.fromEntries(privileges.map((name) => [name, 1]))

function roleOf(call: Call): readonly string[] {
  const roleid = str(call, 'roleid') ?? ''
  return call.world.access.roles.get(roleid) ?? refuse(`role '${roleid}' does not exist`)
}

function privilegesOf(call: Call): string[] {
  return (str(call, 'privs') ?? '').split(/[,;\s]+/).filter((name) => name !== '')
}

function putRole(call: Call, privileges: readonly string[]): null {
  const roleid = str(call, 'roleid') ?? ''
  if (roleid in builtInRoles) refuse(`auto-generated role '${roleid}' cannot be modified`)
  call.world.access.roles.set(roleid, [...new Set(privileges)])
  call.world.access.changed()
  return null
}

function createRole(call: Call): null {
  const roleid = str(call, 'roleid') ?? ''
  if (call.world.access.roles.has(roleid)) refuse(`create role failed: role '${roleid}' already exists`)
  return putRole(call, privilegesOf(call))
}

function deleteRole(call: Call): null {
  const roleid = str(call, 'roleid') ?? ''
  if (roleid in builtInRoles) refuse(`auto-generated role '${roleid}' cannot be deleted`)
  roleOf(call)
  call.world.access.roles.delete(roleid)
  call.world.access.changed()
  return null
}

const tokens = '/access/users/{userid}/token'

export const userRoutes: readonly Route[] = [
  { method: 'GET', path: '/access/users', info: { name: 'index', permissions: { user: 'all' } }, handler: listUsers },
  { method: 'POST', path: '/access/users', info: userInfo, handler: createUser },
  { method: 'GET', path: tokens, handler: listTokens },
  { method: 'GET', path: `${tokens}/{tokenid}`, handler: (call) => tokenRow(tokenOf(call)) },
  { method: 'POST', path: `${tokens}/{tokenid}`, handler: createToken },
  { method: 'PUT', path: `${tokens}/{tokenid}`, handler: updateToken },
  { method: 'DELETE', path: `${tokens}/{tokenid}`, handler: deleteToken },
  {
    method: 'GET',
    path: '/access/roles',
    handler: ({ world }) =>
      [...world.access.roles].map(([roleid, privileges]) => ({
        roleid,
        privs: privileges.join(','),
        special: roleid in builtInRoles ? 1 : 0,
      })),
  },
  { method: 'POST', path: '/access/roles', handler: createRole },
  { method: 'GET', path: '/access/roles/{roleid}', handler: (call) => asMap(roleOf(call)) },
  {
    method: 'PUT',
    path: '/access/roles/{roleid}',
    handler: (call) => putRole(call, flag(call, 'append') ? [...roleOf(call), ...privilegesOf(call)] : privilegesOf(call)),
  },
  { method: 'DELETE', path: '/access/roles/{roleid}', handler: deleteRole },
]
