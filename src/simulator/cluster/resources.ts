import { str, type Call } from '../routes.ts'
import { isUp } from '../world/world.ts'
import { guestRow, nodeRow, storageRows } from './rows.ts'

type Row = Record<string, unknown>

function pools({ world, user }: Call): Row[] {
  return [...world.access.pools.keys()]
    .filter((poolid) => world.access.has(user, `/pool/${poolid}`, 'Pool.Audit'))
    .map((poolid) => ({ id: `/pool/${poolid}`, type: 'pool', pool: poolid }))
}

function guests({ world, user }: Call): Row[] {
  return [...world.guests.values()]
    .filter(({ vmid }) => world.access.has(user, `/vms/${vmid}`, 'VM.Audit'))
    .map((guest) => guestRow(world, user, guest))
}

function storages({ world, user }: Call): Row[] {
  return storageRows(world)
    .filter(({ storage }) => world.access.has(user, `/storage/${storage.storage}`, 'Datastore.Audit'))
    .map(({ row }) => row)
}

/** The zone of the bridges that every node has; seen with SDN.Audit, not with SDN.Use alone (recording 03). */
function networks({ world, user }: Call): Row[] {
  if (!world.access.has(user, '/sdn/zones/localnetwork', 'SDN.Audit')) return []
  if (!world.isNine)
    return [...world.nodes.values()].map((node) => ({
      id: `sdn/${node.name}/localnetwork`,
      type: 'sdn',
      sdn: 'localnetwork',
      node: node.name,
      status: node.online ? 'ok' : 'unknown',
    }))
  return [...world.nodes.values()].map((node) => ({
    id: `network/${node.name}/zone/localnetwork`,
    type: 'network',
    network: 'localnetwork',
    'network-type': 'zone',
    node: node.name,
    status: isUp(node) ? 'ok' : 'unknown',
  }))
}

/** GET /cluster/resources: existence, place, lock, tags and pool are live, names, states and figures are those of the last tick. */
export function clusterResources(call: Call): Row[] {
  const type = str(call, 'type')
  const nodes = [...call.world.nodes.values()].map((node) => {
    const hastate = call.world.ha.nodes.get(node.name)
    return { ...nodeRow(call.world, call.user, node), ...(hastate === undefined ? {} : { hastate }) }
  })
  if (type === 'vm') return guests(call)
  if (type === 'node') return nodes
  if (type === 'storage') return storages(call)
  if (type === 'sdn') return call.world.isNine ? [] : networks(call)
  return [...pools(call), ...guests(call), ...nodes, ...storages(call), ...networks(call)]
}
