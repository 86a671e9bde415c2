import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { PveRefusal } from '../http/refusal.ts'
import type { World } from '../world/world.ts'
import { type Identity, identityOf } from './identity.ts'

const ticketSeconds = 2 * 3600

/** 401 without a body; the server holds it back as PVE does. */
function refused(text: string): PveRefusal {
  return new PveRefusal(401, text, undefined, true)
}

function sign(world: World, text: string): string {
  return createHmac('sha256', `simulated authkey ${world.spec.seed ?? 1}`)
    .update(text)
    .digest('base64url')
}

/** A ticket and its CSRF token, valid for two hours. */
export function makeTicket(world: World, user: string): { ticket: string; csrf: string } {
  const stamp = world.clock.seconds().toString(16).toUpperCase().padStart(8, '0')
  const plain = `PVE:${user}:${stamp}`
  return { ticket: `${plain}::${sign(world, plain)}`, csrf: `${stamp}:${sign(world, `csrf:${user}:${stamp}`)}` }
}

/** The user of a ticket, or undefined when it is forged or too old. */
export function userOfTicket(world: World, ticket: string): string | undefined {
  const match = /^(PVE:([^:]+):([0-9A-F]{8}))::(.+)$/.exec(ticket)
  if (!match) return undefined
  const [, plain = '', user = '', stamp = '', signature = ''] = match
  if (!equal(signature, sign(world, plain))) return undefined
  if (world.clock.seconds() - Number.parseInt(stamp, 16) > ticketSeconds) return undefined
  return isUsable(world, user) ? user : undefined
}

/** Known, enabled and not expired. */
export function isUsable(world: World, user: string): boolean {
  const found = world.access.users.get(user)
  return found?.enable === true && (found.expire === 0 || found.expire > world.clock.seconds())
}

function equal(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

/** PVE::APIServer::Formatter extract_auth_value. */
function valueIn(header: string | undefined, key: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${key}[= ]([^;]*)`).exec(header ?? '')?.[1]
  return value?.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** The token that a call names, whether it is right or not: on open routes PVE asks no further. */
export function claimedToken(headers: IncomingHttpHeaders): string {
  return valueIn(headers.authorization, 'PVEAPIToken')?.split('=')[0] ?? ''
}

/** Who calls; throws 401. A ticket is taken from the cookie, else from `Authorization: PVEAuthCookie=…`; it beats a token (PVE::HTTPServer auth_handler). */
export function authenticate(world: World, method: string, headers: IncomingHttpHeaders): Identity {
  const ticket = valueIn(headers.cookie, 'PVEAuthCookie') || valueIn(headers.authorization, 'PVEAuthCookie')
  if (ticket) return byTicket(world, method, ticket, headers)
  const token = valueIn(headers.authorization, 'PVEAPIToken')
  if (!token) throw refused('No ticket')
  const match = /^([^\s:/]+@[^\s!]+![^=\s]+)=(.+)$/.exec(token)
  const id = match?.[1] ?? ''
  const found = world.access.tokens.get(id)
  const identity = identityOf(id)
  const alive = found !== undefined && (found.expire === 0 || found.expire > world.clock.seconds()) && isUsable(world, identity.user)
  const sent = match?.[2] ?? ''
  if (alive && (equal(sent, found.secret) || (found.alias !== undefined && equal(sent, found.alias)))) return identity
  throw refused(world.isNine ? 'Authentication failed!' : oldRefusal(world, id))
}

/** PVE 8 says what is wrong with a token; since pve-manager 9.1.5 nobody is told. */
function oldRefusal(world: World, id: string): string {
  const { user, token = '' } = identityOf(id)
  const owner = world.access.users.get(user)
  if (id === '') return 'no tokenid specified'
  if (owner === undefined) return `no such user ('${user}')`
  if (!owner.enable) return `user '${user}' is disabled`
  if (owner.expire !== 0 && owner.expire <= world.clock.seconds()) return `user '${user}' access expired`
  const found = world.access.tokens.get(id)
  if (found === undefined) return `no such token '${token}' for user '${user}'`
  return found.expire !== 0 && found.expire <= world.clock.seconds() ? `token '${token}' access expired` : 'invalid token value!'
}

function byTicket(world: World, method: string, ticket: string, headers: IncomingHttpHeaders): Identity {
  const user = userOfTicket(world, ticket)
  if (user === undefined) throw refused('Authentication failed!')
  if (method !== 'GET') {
    const given = String(headers['csrfpreventiontoken'] ?? '')
    const [stamp = '', signature = ''] = given.split(':', 2)
    if (!equal(signature, sign(world, `csrf:${user}:${stamp}`))) throw refused('Permission denied - invalid csrf token')
  }
  return identityOf(user)
}
