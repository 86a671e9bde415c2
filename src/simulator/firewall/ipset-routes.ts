import { paramError, refuse } from '../http/refusal.ts'
import type { Call, Route } from '../routes.ts'
import { cleanCidr, storedCidr } from './address.ts'
import { assertUnmodified, listDigest, withDigest } from './digest.ts'
import type { FirewallFile, Ipset, IpsetEntry } from './file.ts'
import { namePattern } from './formats.ts'
import { commentOf, datacenterPlace, guestPlace, loadFile, saveFile, scopeOf, textOf, type Place } from './place.ts'

const aliasRef = new RegExp(`^(dc/|guest/)?(${namePattern})$`)

function aliasFault(place: Place, call: Call, file: FirewallFile, cidr: string): string | undefined {
  const match = aliasRef.exec(cidr)
  if (match === null) return undefined
  const [, prefix = '', name = ''] = match
  const { cluster, local } = scopeOf(place, call, file)
  const key = name.toLowerCase()
  const here = prefix === 'dc/' && place.env === 'vm' ? undefined : local?.aliases[key]
  const there = prefix === 'guest/' ? undefined : cluster?.aliases[key]
  return here === undefined && there === undefined ? `no such alias '${name}'` : undefined
}

function setIn(file: FirewallFile, call: Call): Ipset {
  const name = String(call.params['name'])
  return file.ipsets[name] ?? refuse(`no such IPSet '${name}'`)
}

function shownEntries(place: Place, call: Call): Record<string, unknown>[] {
  const file = loadFile(place, call)
  const entries = setIn(file, call).entries.map((entry) => {
    const fault = aliasFault(place, call, file, entry.cidr)
    return { ...entry, ...(fault === undefined ? {} : { errors: { cidr: fault } }) }
  })
  return withDigest(entries)
}

function saveEntries(place: Place, call: Call, file: FirewallFile, entries: IpsetEntry[]): null {
  const set = setIn(file, call)
  saveFile(place, call, { ...file, ipsets: { ...file.ipsets, [String(call.params['name'])]: { ...set, entries } } })
  return null
}

/** The entry is stored with its host bits cleared and without `/32` or `/128`; aliases must exist. */
function addEntry(place: Place, call: Call): null {
  const file = loadFile(place, call)
  const set = setIn(file, call)
  let cidr = String(call.params['cidr'])
  if (aliasRef.test(cidr)) {
    const fault = aliasFault(place, call, file, cidr)
    if (fault !== undefined) refuse(fault)
  } else {
    const clean = cleanCidr(cidr)
    cidr = storedCidr(clean)?.cidr ?? clean
  }
  if (set.entries.some((entry) => entry.cidr === cidr)) throw paramError({ cidr: `address '${cidr}' already exists` })
  if (/\/0+$/.test(cidr)) throw paramError({ cidr: 'a zero prefix is not allowed in ipset entries' })
  return saveEntries(place, call, file, [entryOf(cidr, call), ...set.entries])
}

function entryOf(cidr: string, call: Call): IpsetEntry {
  const comment = textOf(call.params['comment'])
  return { cidr, ...(call.params['nomatch'] === 1 ? { nomatch: 1 } : {}), ...(comment === undefined ? {} : { comment }) }
}

function changeEntry(place: Place, call: Call): null {
  const file = loadFile(place, call)
  const { entries } = setIn(file, call)
  assertUnmodified(listDigest(shownEntries(place, call).map(withoutDigest)), call.params['digest'])
  const cidr = String(call.params['cidr'])
  if (!entries.some((entry) => entry.cidr === cidr)) throw paramError({ cidr: 'no such IP/Network' })
  return saveEntries(
    place,
    call,
    file,
    entries.map((entry) => (entry.cidr === cidr ? entryOf(cidr, call) : entry)),
  )
}

/** An entry that is not there is no error (recording 36 and pve-firewall remove_ip). */
function removeEntry(place: Place, call: Call): null {
  const file = loadFile(place, call)
  const { entries } = setIn(file, call)
  assertUnmodified(listDigest(shownEntries(place, call).map(withoutDigest)), call.params['digest'])
  const cidr = String(call.params['cidr'])
  return saveEntries(
    place,
    call,
    file,
    entries.filter((entry) => entry.cidr !== cidr),
  )
}

function withoutDigest(entry: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key !== 'digest'))
}

function readEntry(place: Place, call: Call): Record<string, unknown> {
  const entry = shownEntries(place, call).find((candidate) => candidate['cidr'] === call.params['cidr'])
  if (entry === undefined) throw paramError({ cidr: 'no such IP/Network' })
  return entry
}

function setList(file: FirewallFile): { name: string; comment?: string }[] {
  return Object.keys(file.ipsets)
    .toSorted()
    .map((name) => {
      const comment = file.ipsets[name]?.comment
      return { name, ...(comment === undefined ? {} : { comment }) }
    })
}

function createSet(place: Place, call: Call): null {
  const file = loadFile(place, call)
  const name = String(call.params['name'])
  const from = textOf(call.params['rename'])
  const comment = commentOf(call)
  if (from !== undefined) {
    assertUnmodified(listDigest(setList(file)), call.params['digest'])
    const set = file.ipsets[from]
    if (set === undefined) throw paramError({ name: `IPSet '${from}' does not exist` })
    if (file.ipsets[name] !== undefined && name !== from) throw paramError({ name: `IPSet '${name}' does already exist` })
    delete file.ipsets[from]
    file.ipsets[name] = { ...set, ...comment }
  } else {
    if (file.ipsets[name] !== undefined) throw paramError({ name: `IPSet '${name}' already exists` })
    file.ipsets[name] = { entries: [], ...comment }
  }
  saveFile(place, call, file)
  return null
}

function deleteSet(place: Place, call: Call): null {
  const file = loadFile(place, call)
  const name = String(call.params['name'])
  if (setIn(file, call).entries.length > 0 && call.params['force'] !== 1) refuse(`IPSet '${name}' is not empty`)
  delete file.ipsets[name]
  saveFile(place, call, file)
  return null
}

function ipsetRoutes(place: Place): Route[] {
  const sets = `${place.prefix}/ipset`
  const entry = `${sets}/{name}/{cidr}`
  return [
    { method: 'GET', path: sets, handler: (call) => withDigest(setList(loadFile(place, call))) },
    { method: 'POST', path: sets, handler: (call) => createSet(place, call) },
    { method: 'GET', path: `${sets}/{name}`, handler: (call) => shownEntries(place, call) },
    { method: 'POST', path: `${sets}/{name}`, handler: (call) => addEntry(place, call) },
    { method: 'DELETE', path: `${sets}/{name}`, handler: (call) => deleteSet(place, call) },
    { method: 'GET', path: entry, handler: (call) => readEntry(place, call) },
    { method: 'PUT', path: entry, handler: (call) => changeEntry(place, call) },
    { method: 'DELETE', path: entry, handler: (call) => removeEntry(place, call) },
  ]
}

export const firewallIpsetRoutes: readonly Route[] = [...ipsetRoutes(guestPlace), ...ipsetRoutes(datacenterPlace)]
