/** `kubectl pve adopt --cluster C`: manifests for guests of PVE, on standard output; what fits nothing, in a table on standard error. */
import { stringify } from 'yaml'
import type { ListedGuest } from '../../api/guest-list.ts'
import { ipPools, poolAddresses, vmPackages } from '../../api/meta.ts'
import type { ProxmoxCluster } from '../../api/proxmoxcluster.ts'
import { printJson, type Session } from '../session.ts'
import { exitCodes, PluginRefusal } from '../shell.ts'
import { table } from '../table.ts'
import { type AdoptManifest, adoptManifest } from './manifest.ts'
import { optionsOfGuest } from './guest-package.ts'
import { everyVmid, mustGetCluster, requestGuests } from './request-guests.ts'

export interface PrintOptions {
  cluster: string
  vmid?: string
  all?: boolean
  unclaimed?: boolean
  take?: boolean
  template?: string
  output?: 'json'
}

export async function printManifests(session: Session, o: PrintOptions): Promise<void> {
  const cluster = await mustGetCluster(session, o.cluster)
  const template = templateOf(cluster, o.template)
  const wanted = wantedOf(cluster, o)
  const listed = await requestGuests(session, o.cluster, wanted.range)
  const guests = listed.filter(({ vmid }) => wanted.vmids === undefined || wanted.vmids.includes(vmid))
  const missing = wanted.vmids?.filter((vmid) => !guests.some((guest) => guest.vmid === vmid)) ?? []
  const [pools, packages, held] = await Promise.all([
    session.client.list(ipPools),
    session.client.list(vmPackages),
    session.client.list(poolAddresses),
  ])
  const manifests = guests.map((guest) => ({
    guest,
    made: adoptManifest({
      guest,
      ...keyFor(cluster, guest, session.namespace),
      mode: o.take === true ? 'Take' : 'Report',
      template,
      pools: { cluster: o.cluster, pools, held },
      packages,
    }),
  }))
  if (o.output) printJson(session, { apiVersion: 'v1', kind: 'List', items: manifests.map(({ made }) => made.manifest) })
  else for (const { made } of manifests) session.shell.out(`---\n${stringify(made.manifest)}`)
  session.shell.err(manifests.length === 0 ? 'no guest of these can be taken over\n' : summary(manifests))
  const range = cluster.spec.adoption?.vmids
  const barred = guests.filter(({ vmid, fromUID }) => fromUID === undefined && !(range && range.from <= vmid && vmid <= range.to))
  if (barred.length > 0)
    session.shell.err(
      `${barred.length} of them have no owner line of pve-operator and are not in spec.adoption.vmids of ProxmoxCluster ${o.cluster}; an admin must add the range.\n`,
    )
  if (missing.length > 0)
    throw new PluginRefusal(`not listed: VM ${missing.join(', ')}: it is a template, belongs to a ProxmoxVM, or does not exist`)
}

/** That of the former object, where the mark of the guest names it: only so do its claims find their entries again. */
function keyFor({ status }: ProxmoxCluster, { vmid, copyOf }: ListedGuest, namespace: string): { namespace: string; name: string } {
  const former = copyOf === undefined ? status?.unclaimed?.find((guest) => guest.vmid === vmid)?.formerObject?.split('/') : undefined
  return former?.[0] && former[1] ? { namespace: former[0], name: former[1] } : { namespace, name: `vm-${vmid}` }
}

/** What a reinstall would use; nothing is cloned for a takeover. */
export function templateOf({ metadata, status }: ProxmoxCluster, asked: string | undefined): string {
  if (asked !== undefined) return asked
  const names = [...new Set((status?.templates ?? []).flatMap(({ name }) => name ?? []))]
  const [only] = names
  if (names.length === 1 && only !== undefined) return only
  throw new PluginRefusal(
    `write --template NAME: a reinstall of these VMs would use it; ${metadata.name} has ${names.join(', ') || 'no templates yet'}`,
    exitCodes.usage,
  )
}

interface Wanted {
  readonly range: { readonly from: number; readonly to: number }
  /** Absent: all of the range. */
  readonly vmids?: readonly number[]
}

function wantedOf({ status }: ProxmoxCluster, o: PrintOptions): Wanted {
  const ways = [o.vmid !== undefined, o.all === true, o.unclaimed === true].filter(Boolean)
  if (ways.length !== 1) throw new PluginRefusal('write one of --vmid N,…, --all and --unclaimed', exitCodes.usage)
  if (o.all === true) return { range: everyVmid }
  const vmids = o.unclaimed === true ? (status?.unclaimed ?? []).map(({ vmid }) => vmid) : numbersIn(o.vmid ?? '')
  return { range: { from: Math.min(...vmids), to: Math.max(...vmids) }, vmids }
}

/** `101,104-110`. */
function numbersIn(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? []
    if (first === undefined) throw new PluginRefusal(`--vmid ${text}: write numbers such as 101,104-110`, exitCodes.usage)
    const [from, to] = [Number(first), Number(last ?? first)]
    if (to < from || to - from > 10_000)
      throw new PluginRefusal(`--vmid ${part}: a range goes up and has at most 10000 numbers`, exitCodes.usage)
    return Array.from({ length: to - from + 1 }, (_, at) => from + at)
  })
}

export function summary(manifests: readonly { guest: ListedGuest; made: AdoptManifest; more?: readonly string[] }[]): string {
  const rows = manifests.map(({ guest, made, more = [] }) => [
    String(guest.vmid),
    guest.node,
    optionsOfGuest(guest)['name'] ?? '',
    guest.running ? 'on' : 'off',
    made.package,
    made.addresses.join(','),
    [...more, ...made.notes].join('; '),
  ])
  return table(['VMID', 'NODE', 'NAME', 'POWER', 'PACKAGE', 'ADDRESSES', 'WHAT FITS NOTHING'], rows)
}
