/** /access/users/{userid}/token: API tokens (PVE::API2::User). */
import { randomUUID } from 'node:crypto'
import { paramError, refuse } from '../http/refusal.ts'
import { flag, int, str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import { storedField, type Token } from './access.ts'

function tokenRow({ privsep, expire, comment }: Token): Record<string, unknown> {
  return { privsep: privsep ? 1 : 0, expire, ...(comment === undefined ? {} : { comment }) }
}

/** A user's tokens by their names. */
export function tokensOf(call: Call, userid: string): [string, Record<string, unknown>][] {
  return [...call.world.access.tokens.values()]
    .filter(({ tokenid }) => tokenid.startsWith(`${userid}!`))
    .map((token) => [token.tokenid.slice(userid.length + 1), tokenRow(token)])
}

function tokenOf(call: Call): Token {
  const [userid, tokenid] = [str(call, 'userid') ?? '', str(call, 'tokenid') ?? '']
  return call.world.access.tokens.get(`${userid}!${tokenid}`) ?? refuse(`no such token '${tokenid}' for user '${userid}'`)
}

function listTokens(call: Call): Record<string, unknown>[] {
  return tokensOf(call, str(call, 'userid') ?? '').map(([tokenid, row]) => ({ tokenid, ...row }))
}

/** The answer repeats what was sent, in the type it was sent in (recording 60). */
function createToken(call: Call): Record<string, unknown> {
  const { access } = call.world
  const userid = str(call, 'userid') ?? ''
  const tokenid = `${userid}!${str(call, 'tokenid') ?? ''}`
  if (!access.users.has(userid)) refuse(`no such user ('${userid}')`)
  if (access.tokens.has(tokenid)) throw paramError({ tokenid: 'Token already exists.' })
  const comment = str(call, 'comment')
  const token: Token = { tokenid, secret: randomUUID(), privsep: flag(call, 'privsep', true), expire: int(call, 'expire') ?? 0 }
  const stored = storedField(comment)
  if (stored !== undefined) token.comment = stored
  access.tokens.set(tokenid, token)
  access.changed()
  const { privsep = 1, expire } = call.rawParams
  const info = { privsep, ...(expire === undefined ? {} : { expire }), ...(comment ? { comment } : {}) }
  return { 'full-tokenid': tokenid, info, value: token.secret }
}

function updateToken(call: Call): Record<string, unknown> {
  const token = tokenOf(call)
  const { privsep, expire } = call.rawParams
  if (privsep !== undefined) token.privsep = flag(call, 'privsep')
  token.expire = int(call, 'expire') ?? token.expire
  const comment = storedField(str(call, 'comment') ?? token.comment)
  delete token.comment
  if (comment !== undefined) token.comment = comment
  for (const key of splitList(str(call, 'delete') ?? '')) {
    if (key !== 'comment') throw paramError({ delete: `unknown option '${key}'` })
    delete token.comment
  }
  call.world.access.changed()
  const row = { ...tokenRow(token), ...(privsep === undefined ? {} : { privsep }), ...(expire === undefined ? {} : { expire }) }
  if (!flag(call, 'regenerate')) return row
  token.secret = randomUUID()
  delete token.alias
  return { ...row, value: token.secret, 'full-tokenid': token.tokenid }
}

function deleteToken(call: Call): null {
  call.world.access.forgetToken(tokenOf(call).tokenid)
  return null
}

const tokens = '/access/users/{userid}/token'

export const tokenRoutes: readonly Route[] = [
  { method: 'GET', path: tokens, handler: listTokens },
  { method: 'GET', path: `${tokens}/{tokenid}`, handler: (call) => tokenRow(tokenOf(call)) },
  { method: 'POST', path: `${tokens}/{tokenid}`, handler: createToken },
  { method: 'PUT', path: `${tokens}/{tokenid}`, handler: updateToken },
  { method: 'DELETE', path: `${tokens}/{tokenid}`, handler: deleteToken },
]
