import { paramError } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import type { BridgeSpec } from '../world/spec.ts'
import type { Node } from '../world/world.ts'
import { certificateRoutes } from './certificate-routes.ts'
import { nodeRow } from './rows.ts'

type Row = Record<string, unknown>

const GiB = 1024 ** 3

function nodeOf(call: Call): Node {
  return call.world.nodes.get(call.node) ?? call.world.firstNode
}

function listNodes({ world, user }: Call): Row[] {
  return [...world.nodes.values()].map((node) => ({
    ...nodeRow(world, user, node),
    ...(node.fingerprint === '' ? {} : { ssl_fingerprint: node.fingerprint }),
  }))
}

function nodeStatus(call: Call): Row {
  const node = nodeOf(call)
  const { version, repoid } = call.world.spec.version
  const row = nodeRow(call.world, call.user, node)
  const { totalBytes, usedBytes, availableBytes } = call.world.storage.usage('local', node.name)
  const usedMemory = Number(row['mem'] ?? 0)
  const { release, build } = node.kernel ?? { release: '6.17.2-1-pve', build: '#1 SMP PREEMPT_DYNAMIC PMX 6.17.2-1' }
  const kernel = { sysname: 'Linux', release, version: build, machine: 'x86_64' }
  return {
    pveversion: `pve-manager/${version}/${repoid}`,
    kversion: `Linux ${kernel.release} ${kernel.version}`,
    'current-kernel': kernel,
    'boot-info': { mode: 'efi', secureboot: 0 },
    cpuinfo: {
      model: 'Simulated CPU',
      vendor: 'GenuineSimulation',
      family: '25',
      mhz: '2445.430',
      sockets: 1,
      cores: node.cpus,
      cpus: node.cpus,
      hvm: node.kvm === false ? '' : '1',
      user_hz: 100,
      flags: 'fpu',
    },
    cpu: 0.01,
    wait: 0,
    idle: 0,
    loadavg: ['0.10', '0.10', '0.10'],
    uptime: row['uptime'] ?? 0,
    memory: { total: node.memoryBytes, used: usedMemory, free: node.memoryBytes - usedMemory, available: node.memoryBytes - usedMemory },
    swap: { total: 0, used: 0, free: 0 },
    rootfs: { total: totalBytes || 100 * GiB, used: usedBytes, free: availableBytes, avail: availableBytes },
    ksm: { shared: 0 },
  }
}

/** As the interfaces file is written. */
function inOrder(bridges: readonly BridgeSpec[]): BridgeSpec[] {
  return bridges.toSorted((a, b) => (a.iface < b.iface ? -1 : 1))
}

function bridgesOf(call: Call): BridgeSpec[] {
  const { world, user, node } = call
  return inOrder(world.spec.bridges).filter(
    ({ iface, nodes, zone = 'localnetwork' }) =>
      (nodes === undefined || nodes.includes(node)) && world.access.hasAny(user, `/sdn/zones/${zone}/${iface}`, ['SDN.Audit', 'SDN.Use']),
  )
}

/** A bridge as `/etc/network/interfaces` gives it back. */
function bridgeRow({ iface, vlanAware, cidr }: BridgeSpec, index: number): Row {
  const [address, netmask] = (cidr ?? '').split('/')
  return {
    iface,
    type: 'bridge',
    active: 1,
    autostart: 1,
    priority: 3 + index,
    families: ['inet'],
    method: cidr === undefined ? 'manual' : 'static',
    method6: 'manual',
    bridge_ports: '',
    bridge_stp: 'off',
    bridge_fd: '0',
    ...(vlanAware ? { bridge_vlan_aware: 1, bridge_vids: '2-4094' } : {}),
    ...(cidr === undefined ? {} : { cidr, address, netmask }),
  }
}

function listNetwork(call: Call): Row[] {
  const type = str(call, 'type')
  const isWanted = type === undefined || ['bridge', 'any_bridge', 'any_local_bridge', 'include_sdn'].includes(type)
  return isWanted ? bridgesOf(call).map(bridgeRow) : []
}

function readInterface(call: Call): Row {
  const all = inOrder(call.world.spec.bridges)
  const found = all.findIndex(({ iface }) => iface === str(call, 'iface'))
  const bridge = all[found]
  if (bridge === undefined) throw paramError({ iface: 'interface does not exist' })
  const { iface: _iface, ...row } = bridgeRow(bridge, found)
  return row
}

/** What PVE lists below a node (recording 02); most of it is beyond this simulator. */
const nodeIndex = (
  'aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts journal lxc migrateall netstat network qemu ' +
  'query-oci-repo-tags query-url-metadata replication report rrd rrddata scan sdn services spiceshell startall status stopall storage ' +
  'subscription suspendall syslog tasks termproxy time version vncshell vzdump wakeonlan'
).split(' ')

export const nodeRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes', handler: listNodes },
  ...certificateRoutes,
  {
    method: 'GET',
    path: '/nodes/{node}',
    handler: () => nodeIndex.map((name) => ({ name })),
  },
  { method: 'GET', path: '/nodes/{node}/status', handler: nodeStatus },
  { method: 'GET', path: '/nodes/{node}/version', handler: ({ world }) => world.spec.version },
  { method: 'GET', path: '/nodes/{node}/network', handler: listNetwork },
  { method: 'GET', path: '/nodes/{node}/network/{iface}', handler: readInterface },
  {
    method: 'GET',
    path: '/nodes/{node}/lxc',
    handler: () => [],
  },
  {
    method: 'GET',
    path: '/nodes/{node}/syslog',
    handler: () => [],
  },
]
