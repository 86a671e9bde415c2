import { paramError, refuse } from '../http/refusal.ts'
import type { Call, Route } from '../routes.ts'
import { assertUnmodified, listDigest, withDigest } from './digest.ts'
import type { FirewallFile, FirewallRule } from './file.ts'
import { commentOf, datacenterPlace, loadFile, saveFile, textOf } from './place.ts'
import { macros } from './macros.ts'

function groupList(file: FirewallFile): Record<string, unknown>[] {
  return Object.keys(file.groups)
    .toSorted()
    .map((group) => {
      const comment = file.groups[group]?.comment
      return { group, ...(comment === undefined ? {} : { comment }) }
    })
}

function createGroup(call: Call): null {
  const file = loadFile(datacenterPlace, call)
  const name = String(call.params['group'])
  const from = textOf(call.params['rename'])
  const comment = commentOf(call)
  if (from === undefined) {
    if (file.groups[name] !== undefined) throw paramError({ group: `Security group '${name}' already exists` })
    file.groups[name] = { rules: [], ...comment }
  } else {
    assertUnmodified(listDigest(groupList(file)), call.params['digest'])
    const group = file.groups[from]
    if (group === undefined) throw paramError({ group: `Security group '${from}' does not exist` })
    if (file.groups[name] !== undefined && name !== from) throw paramError({ group: `Security group '${name}' does already exist` })
    delete file.groups[from]
    file.groups[name] = { ...group, ...comment }
    file.rules = renamed(file.rules, from, name)
    renameInGuests(call, from, name)
  }
  saveFile(datacenterPlace, call, file)
  return null
}

function renamed(rules: readonly FirewallRule[], from: string, to: string): FirewallRule[] {
  return rules.map((rule) => (rule.type === 'group' && rule.action === from ? { ...rule, action: to } : rule))
}

function renameInGuests(call: Call, from: string, to: string): void {
  for (const [key, file] of call.world.firewall) {
    if (typeof key === 'number') call.world.firewall.set(key, { ...file, rules: renamed(file.rules, from, to) })
  }
}

/** Rules of guests that name the group stay: they are skipped when the firewall is built. */
function deleteGroup(call: Call): null {
  const file = loadFile(datacenterPlace, call)
  const name = String(call.params['group'])
  const group = file.groups[name] ?? refuse(`no such security group '${name}'`)
  if (group.rules.length > 0) refuse(`Security group '${name}' is not empty`)
  delete file.groups[name]
  saveFile(datacenterPlace, call, file)
  return null
}

const path = `${datacenterPlace.prefix}/groups`

export const firewallGroupRoutes: readonly Route[] = [
  { method: 'GET', path, handler: (call) => withDigest(groupList(loadFile(datacenterPlace, call))) },
  { method: 'POST', path, handler: createGroup },
  { method: 'DELETE', path: `${path}/{group}`, handler: deleteGroup },
  {
    method: 'GET',
    path: `${datacenterPlace.prefix}/macros`,
    handler: () => Object.entries(macros).map(([macro, { description }]) => ({ macro, descr: description })),
  },
]
