/** `kubectl pve find ANYTHING`: whose is this name, VMID, MAC, address, client or service? */
import { proxmoxVMs, poolAddresses, proxmoxClusters, type KubeObject, type Resource } from '../api/meta.ts'
import { isForbidden } from './forbidden.ts'
import { type Match, foundAmong, type Searched } from './matches.ts'
import { printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { addressCell, table } from './table.ts'

/** Everything the caller may read is searched: VMs, addresses on record, guests without an object. */
export async function showFound(session: Session, text: string, o: { output?: 'json' }): Promise<void> {
  const unread: string[] = []
  const listed = async <T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<T[]> => {
    try {
      return await session.client.list(resource, namespace === undefined ? {} : { namespace })
    } catch (fault) {
      if (!isForbidden(fault)) throw fault
      if (resource.namespaced && namespace === undefined) return await listed(resource, session.namespace)
      unread.push(`${resource.kind}s${namespace === undefined ? '' : ` of namespace ${namespace}`}`)
      return []
    }
  }
  const searched: Searched = {
    vms: await listed(proxmoxVMs),
    addresses: await listed(poolAddresses),
    clusters: await listed(proxmoxClusters),
  }
  const found = foundAmong(searched, text)
  const limits = unread.length > 0 ? ` You may not read ${unread.join(' and ')}.` : ''
  if (found.length === 0)
    throw new PluginRefusal(`nothing found for "${text}": no ProxmoxVM, no recorded address, no guest without an object.${limits}`)
  if (o.output) return printJson(session, found)
  session.shell.out(table(['WHAT', 'WHERE', 'VMID', 'NODE', 'STATE', 'IPS', 'FOUND BY'], found.map(cells)))
  if (limits) session.shell.err(`${limits.trim()}\n`)
}

const cells = ({ what, where, vmid, node, state, by, ...addresses }: Match): string[] => [
  what,
  where,
  String(vmid ?? ''),
  node ?? '',
  state,
  addressCell(addresses),
  by.join(', '),
]
