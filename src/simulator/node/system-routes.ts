// What clients read about a node on their way: time, resolver, services, subscription and the like (PVE::API2::Nodes and its parts).
import { createHash } from 'node:crypto'
import { refuse } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import type { Node } from '../world/world.ts'

type Row = Record<string, unknown>

const at = '/nodes/{node}'
const digestOf = (value: unknown): string => createHash('sha1').update(JSON.stringify(value)).digest('hex')

function nodeOf(call: Call): Node {
  return call.world.nodes.get(call.node) ?? call.world.firstNode
}

function time({ world, node }: Call): Row {
  const seconds = world.clock.seconds()
  return { timezone: world.nodeSettings(node).timezone, time: seconds, localtime: seconds }
}

function setTime(call: Call): null {
  call.world.nodeSettings(call.node).timezone = str(call, 'timezone') ?? 'UTC'
  return null
}

function dns({ world, node }: Call): Row {
  const { search, servers } = world.nodeSettings(node)
  return { search, ...Object.fromEntries(servers.slice(0, 3).map((server, index) => [`dns${index + 1}`, server])) }
}

function setDns(call: Call): null {
  const settings = call.world.nodeSettings(call.node)
  settings.search = str(call, 'search') ?? settings.search
  settings.servers = ['dns1', 'dns2', 'dns3'].flatMap((key) => str(call, key) ?? [])
  return null
}

/** Name and description of each unit PVE lists; some are not installed. */
const services: readonly (readonly [string, string, 'running' | 'missing'])[] = [
  ['chrony', 'chrony, an NTP client/server', 'running'],
  ['corosync', 'Corosync Cluster Engine', 'running'],
  ['cron', 'Regular background program processing daemon', 'running'],
  ['ksmtuned', 'Kernel Samepage Merging (KSM) Tuning Daemon', 'running'],
  ['lxcfs', 'FUSE filesystem for LXC', 'running'],
  ['postfix', 'Postfix Mail Transport Agent', 'running'],
  ['proxmox-firewall', 'Proxmox nftables firewall', 'running'],
  ['pve-cluster', 'The Proxmox VE cluster filesystem', 'running'],
  ['pve-firewall', 'Proxmox VE firewall', 'running'],
  ['pve-ha-crm', 'PVE Cluster HA Resource Manager Daemon', 'running'],
  ['pve-ha-lrm', 'PVE Local HA Resource Manager Daemon', 'running'],
  ['pve-lxc-syscalld', 'Proxmox VE LXC Syscall Daemon', 'running'],
  ['pvedaemon', 'PVE API Daemon', 'running'],
  ['pvefw-logger', 'Proxmox VE firewall logger', 'running'],
  ['pveproxy', 'PVE API Proxy Server', 'running'],
  ['pvescheduler', 'Proxmox VE scheduler', 'running'],
  ['pvestatd', 'PVE Status Daemon', 'running'],
  ['qmeventd', 'PVE Qemu Event Daemon', 'running'],
  ['spiceproxy', 'PVE SPICE Proxy Server', 'running'],
  ['sshd', 'OpenBSD Secure Shell server', 'running'],
  ['syslog', 'syslog.service', 'missing'],
  ['systemd-journald', 'Journal Service', 'running'],
  ['systemd-timesyncd', 'systemd-timesyncd.service', 'missing'],
]

function isRunning(call: Call, name: string): boolean {
  const { ha } = call.world
  const node = nodeOf(call)
  if (name === 'corosync') return call.world.spec.clusterName !== undefined
  const known: Record<string, boolean> = {
    pvedaemon: node.pvedaemon,
    pvestatd: node.pvestatd,
    'pve-ha-crm': ha.running.crm,
    'pve-ha-lrm': ha.running.lrm,
  }
  return known[name] ?? true
}

function serviceRow(call: Call, [name, desc, state]: (typeof services)[number]): Row {
  const up = isRunning(call, name)
  const unit =
    state === 'missing'
      ? { state: 'dead', 'active-state': 'inactive', 'unit-state': 'not-found' }
      : { state: up ? 'running' : 'dead', 'active-state': up ? 'active' : 'inactive', 'unit-state': 'enabled' }
  return { service: name, name, desc, ...unit }
}

function oneService(call: Call): Row {
  const row = services.find(([name]) => name === str(call, 'service'))
  return row ? serviceRow(call, row) : refuse(`no such service '${str(call, 'service') ?? ''}'`)
}

function readConfig(call: Call): Row {
  const { config } = call.world.nodeSettings(call.node)
  const property = str(call, 'property')
  return { ...(property === undefined ? config : { [property]: config[property] }), digest: digestOf(config) }
}

function writeConfig(call: Call): null {
  const { config } = call.world.nodeSettings(call.node)
  for (const key of (str(call, 'delete') ?? '').split(/[,;\s]+/)) delete config[key]
  for (const [key, value] of Object.entries(call.params)) if (!['node', 'delete', 'digest'].includes(key)) config[key] = String(value)
  return null
}

function hosts(call: Call): Row {
  const lines = [...call.world.nodes.values()].map(({ ip, name }) => `${ip} ${name}.sim.local ${name}`)
  const data = ['127.0.0.1 localhost.localdomain localhost', ...lines, ''].join('\n')
  return { data, digest: digestOf(data) }
}

function netstat({ world, node, user }: Call): Row[] {
  return [...world.guests.values()].flatMap((guest) => {
    if (guest.node !== node || !guest.process || !world.access.has(user, `/vms/${guest.vmid}`, 'VM.Audit')) return []
    const { netIn, netOut } = guest.process
    const nics = [...guest.config.keys()].filter((key) => /^net\d+$/.test(key))
    return nics.map((dev) => ({
      vmid: String(guest.vmid),
      dev,
      in: String(dev === 'net0' ? netIn : 0),
      out: String(dev === 'net0' ? netOut : 0),
    }))
  })
}

const subscription = {
  status: 'notfound',
  message: 'There is no subscription key',
  serverid: '00000000000000000000000000000000',
  url: 'https://www.proxmox.com/en/proxmox-virtual-environment/pricing',
}

const cpus = 'host kvm64 max qemu64 x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4'.split(' ')
const machines = ['pc-i440fx', 'pc-q35'].flatMap((type) =>
  ['10.1', '10.0+pve1', '10.0', '9.2+pve1', '9.2', '9.0', '8.2', '8.1'].map((version) => ({
    id: `${type}-${version}`,
    type: type === 'pc-q35' ? 'q35' : 'i440fx',
    version,
  })),
)
const names = (key: string, list: string) => () => list.split(' ').map((value) => ({ [key]: value }))
const nothing = (): unknown[] => []

/** The answers of an empty node: nothing attached, nothing to update. */
const emptyLists = [
  'hardware/pci',
  'hardware/usb',
  'disks/list',
  'disks/zfs',
  'disks/lvmthin',
  'apt/update',
  'apt/versions',
  'aplinfo',
  'journal',
]

export const systemRoutes: readonly Route[] = [
  { method: 'GET', path: `${at}/time`, handler: time },
  { method: 'PUT', path: `${at}/time`, handler: setTime },
  { method: 'GET', path: `${at}/dns`, handler: dns },
  { method: 'PUT', path: `${at}/dns`, handler: setDns },
  { method: 'GET', path: `${at}/services`, handler: (call) => services.map((row) => serviceRow(call, row)) },
  { method: 'GET', path: `${at}/services/{service}`, handler: names('subdir', 'state start stop restart reload') },
  { method: 'GET', path: `${at}/services/{service}/state`, handler: oneService },
  { method: 'GET', path: `${at}/subscription`, handler: () => subscription },
  { method: 'GET', path: `${at}/config`, handler: readConfig },
  { method: 'PUT', path: `${at}/config`, handler: writeConfig },
  { method: 'GET', path: `${at}/hosts`, handler: hosts },
  { method: 'GET', path: `${at}/netstat`, handler: netstat },
  {
    method: 'GET',
    path: `${at}/report`,
    handler: ({ world, node }) =>
      `==== general system info ====\n\n# hostname\n${node}\n\n# pveversion\npve-manager/${world.spec.version.version}\n`,
  },
  { method: 'GET', path: `${at}/capabilities`, handler: names('name', 'qemu') },
  { method: 'GET', path: `${at}/capabilities/qemu`, handler: names('name', 'cpu cpu-flags machines migration') },
  { method: 'GET', path: `${at}/capabilities/qemu/cpu`, handler: () => cpus.map((name) => ({ name, custom: 0, vendor: 'default' })) },
  { method: 'GET', path: `${at}/capabilities/qemu/machines`, handler: () => machines },
  { method: 'GET', path: `${at}/capabilities/qemu/migration`, handler: () => ({ 'has-dbus-vmstate': 1 }) },
  ...emptyLists.map((path): Route => ({ method: 'GET', path: `${at}/${path}`, handler: nothing })),
]
