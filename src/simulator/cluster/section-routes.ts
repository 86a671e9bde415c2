// What the cluster keeps in section files and the simulator only stores: mappings, replication jobs, metric servers.
import { refuse } from '../http/refusal.ts'
import type { Call, Route } from '../routes.ts'
import { sectionRoutes, type SectionKind } from './config-sections.ts'

type Row = Record<string, unknown>

const mapping = (type: 'pci' | 'usb' | 'dir'): SectionKind => ({
  name: `mapping/${type}`,
  path: `/cluster/mapping/${type}`,
  id: 'id',
  missing: (id) => `mapping '${id}' not found`,
  exists: (id) => `create ${type === 'dir' ? 'directory' : 'hardware'} mapping failed: ${type} ID '${id}' already defined`,
  unknown: (id) => `update ${type === 'dir' ? 'directory' : 'hardware'} mapping failed: ${type} ID '${id}' does not exist`,
  fixed: () => ({ type }),
  seen: { path: (id) => `/mapping/${type}/${id}`, privileges: ['Mapping.Modify', 'Mapping.Use', 'Mapping.Audit'] },
  forgivesDelete: true,
})

/** Jobs are kept, and keep their guest from being destroyed without purge; none of them runs: the storages of the simulator replicate nothing. */
const replication: SectionKind = {
  name: 'replication',
  path: '/cluster/replication',
  id: 'id',
  missing: (id) => `no such replication job '${id}'`,
  exists: (id) => `replication job '${id}' already exists`,
  unknown: (id) => `no such job '${id}'`,
  fixed: (id) => {
    const [guest, jobnum] = id.split('-')
    return { guest: Number(guest), jobnum: Number(jobnum) }
  },
  seen: { path: (id) => `/vms/${id.split('-')[0]}`, privileges: ['VM.Audit'] },
  check: checkReplication,
}

function checkReplication(call: Call, values: Row): void {
  const vmid = Number(String(call.params['id']).split('-')[0])
  const guest = call.world.guests.get(vmid)
  if (!guest) refuse(`Guest '${vmid}' does not exist.`)
  const target = String(values['target'])
  if (!call.world.nodes.has(target)) refuse(`Target '${target}' does not exist.`)
  if (target === guest.node) refuse('Source and target must not be identical')
}

const metrics: SectionKind = {
  name: 'metrics',
  path: '/cluster/metrics/server',
  id: 'id',
  missing: (id) => `status server entry '${id}' does not exist`,
  exists: (id) => `add server failed: Metric server '${id}' already exists`,
  createsInPath: true,
}

const names = (key: string, list: string) => () => list.split(' ').map((value) => ({ [key]: value }))

export const clusterSectionRoutes: readonly Route[] = [
  { method: 'GET', path: '/cluster/mapping', handler: names('name', 'dir pci usb') },
  ...sectionRoutes(mapping('pci')),
  ...sectionRoutes(mapping('usb')),
  ...sectionRoutes(mapping('dir')),
  ...sectionRoutes(replication),
  { method: 'GET', path: '/nodes/{node}/replication', handler: () => [] },
  { method: 'GET', path: '/cluster/metrics', handler: names('name', 'server export') },
  ...sectionRoutes(metrics),
  { method: 'GET', path: '/cluster/log', handler: () => [] },
  { method: 'GET', path: '/cluster/jobs', handler: names('subdir', 'schedule-analyze realm-sync') },
]
