import { paramError } from '../http/refusal.ts'
import type { Call, Route } from '../routes.ts'
import { assertUnmodified, listDigest, withDigest } from './digest.ts'
import type { FirewallAlias, FirewallFile } from './file.ts'
import { datacenterPlace, guestPlace, loadFile, saveFile, textOf, type Place } from './place.ts'

function shown(alias: FirewallAlias): Record<string, unknown> {
  return { ...alias, ipversion: alias.cidr.includes(':') ? 6 : 4 }
}

function aliasList(file: FirewallFile): Record<string, unknown>[] {
  return Object.keys(file.aliases)
    .toSorted()
    .flatMap((key) => file.aliases[key] ?? [])
    .map(shown)
}

/** Aliases are found whatever their case. */
const keyOf = (call: Call): string => String(call.params['name']).toLowerCase()

function aliasOf(call: Call): FirewallAlias {
  const comment = textOf(call.params['comment'])
  return { name: String(call.params['name']), cidr: String(call.params['cidr']), ...(comment === undefined ? {} : { comment }) }
}

function createAlias(place: Place, call: Call): null {
  const file = loadFile(place, call)
  const key = keyOf(call)
  if (file.aliases[key] !== undefined) throw paramError({ name: `alias '${String(call.params['name'])}' already exists` })
  saveFile(place, call, { ...file, aliases: { ...file.aliases, [key]: aliasOf(call) } })
  return null
}

function updateAlias(place: Place, call: Call): null {
  const file = loadFile(place, call)
  assertUnmodified(listDigest(aliasList(file)), call.params['digest'])
  const key = keyOf(call)
  if (file.aliases[key] === undefined) throw paramError({ name: 'no such alias' })
  const rename = textOf(call.params['rename'])
  const newKey = rename?.toLowerCase() ?? key
  const alias = aliasOf(call)
  if (newKey !== key) {
    if (file.aliases[newKey] !== undefined) throw paramError({ name: `alias '${rename ?? ''}' already exists` })
    delete file.aliases[key]
    alias.name = rename ?? alias.name
  }
  file.aliases[newKey] = alias
  saveFile(place, call, file)
  return null
}

/** An alias that is not there is no error (recording 36). */
function deleteAlias(place: Place, call: Call): null {
  const file = loadFile(place, call)
  assertUnmodified(listDigest(aliasList(file)), call.params['digest'])
  delete file.aliases[keyOf(call)]
  saveFile(place, call, file)
  return null
}

function readAlias(place: Place, call: Call): Record<string, unknown> {
  const alias = loadFile(place, call).aliases[keyOf(call)]
  if (alias === undefined) throw paramError({ name: 'no such alias' })
  return shown(alias)
}

/** What a rule may name here: sets as `+name`, aliases by their lower-cased name. */
function refs(place: Place, call: Call): Record<string, string>[] {
  const file = loadFile(place, call)
  const scope = place.env === 'cluster' ? 'dc' : 'guest'
  const wanted = call.params['type']
  const comment = (text: string | undefined): { comment?: string } => (text === undefined ? {} : { comment: text })
  const sets = Object.entries(file.ipsets).map(([name, set]) => ({ type: 'ipset', name, ref: `+${name}`, scope, ...comment(set.comment) }))
  const aliases = Object.entries(file.aliases).map(([name, alias]) => ({
    type: 'alias',
    name,
    ref: name,
    scope,
    ...comment(alias.comment),
  }))
  return [...sets, ...aliases].filter((ref) => wanted === undefined || ref.type === wanted)
}

function aliasRoutes(place: Place): Route[] {
  const path = `${place.prefix}/aliases`
  return [
    { method: 'GET', path, handler: (call) => withDigest(aliasList(loadFile(place, call))) },
    { method: 'POST', path, handler: (call) => createAlias(place, call) },
    { method: 'GET', path: `${path}/{name}`, handler: (call) => readAlias(place, call) },
    { method: 'PUT', path: `${path}/{name}`, handler: (call) => updateAlias(place, call) },
    { method: 'DELETE', path: `${path}/{name}`, handler: (call) => deleteAlias(place, call) },
  ]
}

export const firewallAliasRoutes: readonly Route[] = [
  ...aliasRoutes(guestPlace),
  ...aliasRoutes(datacenterPlace),
  { method: 'GET', path: `${datacenterPlace.prefix}/refs`, handler: (call) => refs(datacenterPlace, call) },
  {
    method: 'GET',
    path: `${guestPlace.prefix}/refs`,
    handler: (call) => [...refs(datacenterPlace, call), ...refs(guestPlace, call)],
  },
]
