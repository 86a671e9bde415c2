// SDN as far as guests see it: zones and their VNets, which become bridges of every node when they are applied (PVE::API2::Network::SDN).
import { refuse } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import { sectionRoutes, type SectionKind } from './config-sections.ts'

type Row = Record<string, unknown>

const zones: SectionKind = {
  name: 'sdn/zones',
  path: '/cluster/sdn/zones',
  id: 'zone',
  missing: (id) => `sdn '${id}' does not exist`,
  exists: (id) => `create sdn zone object failed: sdn zone object ID '${id}' already defined`,
  unknown: (id) => `update sdn zone object failed: sdn '${id}' does not exist`,
  seen: { path: (id) => `/sdn/zones/${id}`, privileges: ['SDN.Audit', 'SDN.Allocate'] },
  forgivesDelete: true,
}

const vnets: SectionKind = {
  name: 'sdn/vnets',
  path: '/cluster/sdn/vnets',
  id: 'vnet',
  missing: (id) => `sdn '${id}' does not exist`,
  exists: (id) => `create sdn vnet object failed: sdn vnet object ID '${id}' already defined`,
  unknown: (id) => `update sdn vnet object failed: sdn '${id}' does not exist`,
  fixed: () => ({ type: 'vnet' }),
  check: (call, { zone }) => {
    if (!call.world.sections.get('sdn/zones')?.has(String(zone)))
      refuse(`create sdn vnet object failed: sdn '${String(zone)}' does not exist`)
  },
  forgivesDelete: true,
}

/** PUT /cluster/sdn: what is written becomes what the nodes run. */
function apply(call: Call): string {
  const { world, user } = call
  const node = world.firstNode.name
  return world.tasks.start({ node, type: 'reloadnetworkall', id: '', user: user.id, fault: call.fault?.task }, async (worker) => {
    await worker.work(world.spec.durations.configMs)
    const own = world.spec.bridges.filter((bridge) => bridge.zone === undefined)
    const made = [...(world.sections.get('sdn/vnets') ?? [])].map(([iface, row]) => ({
      iface,
      zone: String(row['zone']),
      vlanAware: row['vlanaware'] === 1,
    }))
    world.spec.bridges = [...own, ...made]
    for (const name of world.nodes.keys()) worker.log(`${name}: reloading network config`)
  }).upid
}

function zonesOfNode(call: Call): Row[] {
  const all = ['localnetwork', ...(call.world.sections.get('sdn/zones')?.keys() ?? [])]
  return all
    .filter((zone) => call.world.access.hasAny(call.user, `/sdn/zones/${zone}`, ['SDN.Audit']))
    .map((zone) => ({ zone, status: 'available' }))
}

function zoneContent(call: Call): Row[] {
  const zone = str(call, 'zone') ?? ''
  const bridges = call.world.spec.bridges.filter((bridge) => (bridge.zone ?? 'localnetwork') === zone)
  return bridges.map(({ iface }) => ({ vnet: iface, status: 'available' }))
}

const names = (list: string) => () => list.split(' ').map((id) => ({ id }))

export const sdnRoutes: readonly Route[] = [
  { method: 'GET', path: '/cluster/sdn', handler: names('vnets zones controllers ipams dns fabrics') },
  { method: 'PUT', path: '/cluster/sdn', handler: apply },
  ...sectionRoutes(zones),
  ...sectionRoutes(vnets),
  { method: 'GET', path: '/cluster/sdn/vnets/{vnet}/subnets', handler: () => [] },
  { method: 'GET', path: '/cluster/sdn/controllers', handler: () => [] },
  { method: 'GET', path: '/cluster/sdn/ipams', handler: () => [{ ipam: 'pve', type: 'pve' }] },
  { method: 'GET', path: '/cluster/sdn/dns', handler: () => [] },
  { method: 'GET', path: '/nodes/{node}/sdn', handler: names('zones vnets fabrics') },
  { method: 'GET', path: '/nodes/{node}/sdn/zones', handler: zonesOfNode },
  { method: 'GET', path: '/nodes/{node}/sdn/zones/{zone}', handler: () => [{ subdir: 'content' }, { subdir: 'bridges' }] },
  { method: 'GET', path: '/nodes/{node}/sdn/zones/{zone}/content', handler: zoneContent },
]
