/**
 * Entries the saved schema file lacks: it was cut down to the routes an operator uses. Security groups and the datacenter's rules take
 * the same parameters as a guest's rules (PVE::API2::Firewall::RulesBase), so they are derived from those.
 */
interface SchemaEntry {
  path: string
  info: Record<string, unknown>
}

type Json = Record<string, unknown>

const guest = '/nodes/{node}/qemu/{vmid}/firewall'
const datacenter = '/cluster/firewall'

const groupName = { type: 'string', pattern: '[A-Za-z][A-Za-z0-9\\-\\_]+', minLength: 2, maxLength: 18 }
const digest = { type: 'string', maxLength: 64, optional: 1 }
const audit = { check: ['perm', '/', ['Sys.Audit']] }
const modify = { check: ['perm', '/', ['Sys.Modify']] }

function method(verb: string, properties: Json, permissions: Json, more: Json = {}): Json {
  return { method: verb, allowtoken: 1, parameters: { additionalProperties: 0, properties }, permissions, ...more }
}

/** A guest's entry moved to the datacenter: without node and VMID, with the given extra parameters. */
function moved(entry: SchemaEntry, path: string, extra: Json): SchemaEntry {
  const info: Record<string, unknown> = {}
  for (const [verb, value] of Object.entries(entry.info)) {
    const { proxyto: _, ...rest } = value as Json
    const parameters = (rest['parameters'] ?? {}) as Json
    const { node: _node, vmid: _vmid, ...properties } = (parameters['properties'] ?? {}) as Json
    const permissions = verb === 'GET' ? audit : modify
    info[verb] = { ...rest, permissions, parameters: { ...parameters, properties: { ...properties, ...extra } } }
  }
  return { path, info }
}

function merged(entries: readonly SchemaEntry[]): SchemaEntry[] {
  const byPath = new Map<string, SchemaEntry>()
  for (const { path, info } of entries) byPath.set(path, { path, info: { ...byPath.get(path)?.info, ...info } })
  return [...byPath.values()]
}

const groupEntries: SchemaEntry[] = [
  {
    path: `${datacenter}/groups`,
    info: {
      GET: method('GET', {}, { user: 'all' }),
      POST: method(
        'POST',
        { group: groupName, rename: { ...groupName, optional: 1 }, comment: { type: 'string', optional: 1 }, digest },
        modify,
        { protected: 1 },
      ),
    },
  },
  { path: `${datacenter}/groups/{group}`, info: { DELETE: method('DELETE', { group: groupName }, modify, { protected: 1 }) } },
  { path: datacenter, info: { GET: method('GET', {}, { user: 'all' }) } },
  {
    path: `${datacenter}/refs`,
    info: { GET: method('GET', { type: { type: 'string', enum: ['alias', 'ipset'], optional: 1 } }, audit) },
  },
]

const node = { type: 'string', format: 'pve-node' }
const boolean = { type: 'boolean', optional: 1 }
const text = { type: 'string', optional: 1 }
const level = { ...text, enum: ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug', 'nolog'] }
const count = { type: 'integer', optional: 1 }

const hostOptions: Json = {
  ...Object.fromEntries(
    'enable nosmurfs tcpflags ndp nf_conntrack_allow_invalid protection_synflood log_nf_conntrack nftables'
      .split(' ')
      .map((name) => [name, boolean]),
  ),
  ...Object.fromEntries(
    'log_level_in log_level_out log_level_forward tcp_flags_log_level smurf_log_level'.split(' ').map((name) => [name, level]),
  ),
  nf_conntrack_max: { ...count, minimum: 32768 },
  nf_conntrack_tcp_timeout_established: { ...count, minimum: 7875 },
  nf_conntrack_tcp_timeout_syn_recv: { ...count, minimum: 30, maximum: 60 },
  protection_synflood_rate: count,
  protection_synflood_burst: count,
  nf_conntrack_helpers: { ...text, format: 'pve-fw-conntrack-helper' },
}

const hostEntries: SchemaEntry[] = [
  {
    path: '/nodes/{node}/firewall/options',
    info: {
      GET: method('GET', { node }, { check: ['perm', '/nodes/{node}', ['Sys.Audit']] }, { proxyto: 'node' }),
      PUT: method(
        'PUT',
        { node, ...hostOptions, digest, delete: { ...text, format: 'pve-configid-list' } },
        { check: ['perm', '/nodes/{node}', ['Sys.Modify']] },
        { proxyto: 'node', protected: 1 },
      ),
    },
  },
]

/** The entries that are missing among the given ones. */
export function derivedFirewallEntries(entries: readonly { path: string; info: object }[]): { path: string; info: object }[] {
  const known = new Set(entries.map((entry) => entry.path))
  const find = (path: string): SchemaEntry[] =>
    entries.filter((entry) => entry.path === path).map((entry) => ({ path, info: { ...entry.info } as Record<string, unknown> }))
  const rules = ['/rules', '/rules/{pos}'].flatMap((path) => find(guest + path))
  const derived = rules.flatMap((entry) => {
    const rest = entry.path.slice(`${guest}/rules`.length)
    return [moved(entry, `${datacenter}/rules${rest}`, {}), moved(entry, `${datacenter}/groups/{group}${rest}`, { group: groupName })]
  })
  return merged([...derived, ...groupEntries, ...hostEntries]).filter((entry) => !known.has(entry.path))
}
