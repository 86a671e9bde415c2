import { paramError, refuse } from '../http/refusal.ts'
import { int, str, type Call, type Route } from '../routes.ts'
import { allowedTags } from '../guests/tags.ts'
import { isUp } from '../world/world.ts'
import { nodeRoutes } from './node-routes.ts'
import { poolRoutes } from './pool-routes.ts'
import { clusterResources } from './resources.ts'

type Row = Record<string, unknown>

/** Lowest and first excluded number of `GET /cluster/nextid` unless datacenter.cfg says otherwise. */
const defaultRange = { lower: 100, upper: 1_000_000 }

/** `lower=100,upper=200` as an object, as the API shows it. */
function parts(text: string): Record<string, string> {
  return Object.fromEntries(text.split(',').map((part) => part.split('=', 2) as [string, string]))
}

/** Advice only: nothing is reserved. The answer is a text although the schema says integer (recording 04). */
function nextId(call: Call): string {
  const { guests, datacenter } = call.world
  const wanted = int(call, 'vmid')
  if (wanted !== undefined) {
    if (guests.has(wanted)) throw paramError({ vmid: `VM ${wanted} already exists` })
    return String(wanted)
  }
  const range = parts(datacenter.get('next-id') ?? '')
  const lower = Number(range['lower'] ?? defaultRange.lower)
  const upper = Number(range['upper'] ?? defaultRange.upper)
  for (let vmid = lower; vmid < upper; vmid += 1) if (!guests.has(vmid)) return String(vmid)
  refuse(`unable to get any free VMID in range [${lower}, ${upper}]`)
}

function clusterStatus({ world }: Call): Row[] {
  const { clusterName } = world.spec
  const here = world.firstNode.name
  const nodes = [...world.nodes.values()].map((node, index) => ({
    id: `node/${node.name}`,
    type: 'node',
    name: node.name,
    ip: node.ip,
    level: '',
    local: node.name === here ? 1 : 0,
    online: isUp(node) ? 1 : 0,
    nodeid: clusterName === undefined ? 0 : index + 1,
  }))
  if (clusterName === undefined) return nodes
  const cluster = {
    id: 'cluster',
    type: 'cluster',
    name: clusterName,
    nodes: nodes.length,
    quorate: world.quorate ? 1 : 0,
    version: nodes.length,
  }
  return [cluster, ...nodes]
}

/** Only the allowed tags for those without Sys.Audit on /. */
function readOptions(call: Call): Row {
  const { world, user } = call
  const tags = { 'allowed-tags': [...allowedTags(call).allowed].toSorted() }
  if (!world.access.has(user, '/', 'Sys.Audit')) return tags
  const own = [...world.datacenter].map(([key, value]) => [key, shownOption(key, value)] as const)
  return { description: '', ...tags, ...Object.fromEntries(own) }
}

/** Property strings as objects, lists of tags as lists (PVE::DataCenterConfig parse_datacenter_config). */
function shownOption(key: string, value: string): unknown {
  if (key === 'registered-tags') return value.split(';')
  if (!value.includes('=')) return value
  const { 'user-allow-list': list, ...rest } = parts(value)
  return list === undefined ? rest : { ...rest, 'user-allow-list': list.split(';') }
}

function writeOptions(call: Call): null {
  const { datacenter } = call.world
  for (const key of (str(call, 'delete') ?? '').split(/[,;\s]+/)) datacenter.delete(key)
  for (const key of Object.keys(call.params)) {
    const value = str(call, key)
    if (key !== 'delete' && value !== undefined) datacenter.set(key, value)
  }
  return null
}

const names = (list: string, key: string): Row[] => list.split(' ').map((name) => ({ [key]: name }))

/** What PVE lists below /cluster (recording 02). */
const clusterIndex =
  'acme backup backup-info bulk-action ceph config firewall ha jobs log mapping metrics notifications nextid options qemu replication resources ' +
  'status tasks sdn'

const indexRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/',
    info: { name: 'index', permissions: { user: 'all' } },
    handler: () => names('version cluster nodes storage access pools', 'subdir'),
  },
  { method: 'GET', path: '/cluster', handler: () => names(clusterIndex, 'name') },
]

/** /version, /cluster, /nodes (but for guests, storage and tasks) and /pools. */
export const clusterRoutes: readonly Route[] = [
  { method: 'GET', path: '/version', handler: ({ world }) => world.spec.version },
  { method: 'GET', path: '/cluster/nextid', handler: nextId },
  { method: 'GET', path: '/cluster/status', handler: clusterStatus },
  { method: 'GET', path: '/cluster/resources', handler: clusterResources },
  { method: 'GET', path: '/cluster/options', handler: readOptions },
  { method: 'PUT', path: '/cluster/options', handler: writeOptions },
  ...indexRoutes,
  ...nodeRoutes,
  ...poolRoutes,
]
