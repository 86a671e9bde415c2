/** `kubectl pve import`: the services of a billing panel become manifests; or the panel's list is compared with PVE and with ours. */
import { stringify } from 'yaml'
import { clientIdLabel, serviceIdLabel } from '../../api/group.ts'
import { ipPools, poolAddresses, proxmoxVMs, vmPackages } from '../../api/meta.ts'
import { type AdoptManifest, adoptManifest } from '../adoption/manifest.ts'
import { summary, templateOf } from '../adoption/print-manifests.ts'
import { everyVmid, mustGetCluster, requestGuests } from '../adoption/request-guests.ts'
import { printJson, type Session } from '../session.ts'
import { exitCodes, PluginRefusal } from '../shell.ts'
import { comparisonPage, comparisonOf } from './comparison.ts'
import { parseCsv } from './csv.ts'
import { candidateOf, candidateOfOurs, type ServiceMatch, matchServices } from './match-panel.ts'
import { nameOfService, type PanelService, servicesOf, suspensionsOf } from './panel-list.ts'
import { reservationsFor } from './reservations.ts'
import { servicesOfDump } from './whmcs-dump.ts'

export interface ImportOptions {
  cluster: string
  csv?: string
  whmcsDump?: string
  compare?: boolean
  take?: boolean
  template?: string
  output?: 'json'
}

export async function importServices(session: Session, o: ImportOptions): Promise<void> {
  const services = await readServices(session, o)
  const cluster = await mustGetCluster(session, o.cluster)
  const listed = await requestGuests(session, o.cluster, everyVmid)
  const vms = (await session.client.list(proxmoxVMs)).filter(({ spec }) => spec.clusterRef.name === o.cluster)
  const candidates = [...listed.map(candidateOf), ...vms.flatMap(candidateOfOurs)]
  const matches = matchServices(services, candidates)
  const pools = await session.client.list(ipPools)
  if (o.compare === true) {
    const report = comparisonOf(matches, candidates)
    if (o.output) return printJson(session, report)
    return session.shell.out(comparisonPage(report))
  }
  const template = templateOf(cluster, o.template)
  const [packages, held] = await Promise.all([session.client.list(vmPackages), session.client.list(poolAddresses)])
  const reserved = reservationsFor(services, pools, { cluster: o.cluster, namespace: session.namespace })
  const made = matches.flatMap((match) => {
    const guest = match.is === 'matched' ? match.candidate.guest : undefined
    const suspensions = suspensionsOf(match.service)
    if (match.is !== 'matched' || !guest || !suspensions) return []
    const { service } = match
    const packageName =
      service.package !== undefined && packages.some(({ metadata }) => metadata.name === service.package) ? service.package : undefined
    const manifest = adoptManifest({
      guest,
      namespace: session.namespace,
      name: nameOfService(service),
      mode: o.take === true ? 'Take' : 'Report',
      template,
      pools: { cluster: o.cluster, pools, held },
      packages,
      labels: { [clientIdLabel]: service.clientId, [serviceIdLabel]: service.serviceId },
      suspensions,
      ...(packageName !== undefined && { packageName }),
    })
    return [
      {
        guest,
        made: manifest,
        more: [`service ${service.serviceId}, by ${match.by.join(' and ')}`, ...match.differs, ...packageNote(service, packageName)],
      },
    ]
  })
  print(session, o, [...reserved.manifests, ...made.map(({ made: { manifest } }) => manifest)])
  session.shell.err(pageOf(matches, made, reserved.notes))
}

const packageNote = (service: PanelService, packageName: string | undefined): string[] =>
  service.package !== undefined && packageName === undefined ? [`VMPackage "${service.package}" does not exist`] : []

async function readServices({ shell }: Session, o: ImportOptions): Promise<PanelService[]> {
  const file = o.csv ?? o.whmcsDump
  if (file === undefined || (o.csv !== undefined && o.whmcsDump !== undefined))
    throw new PluginRefusal('write either --csv FILE or --whmcs-dump FILE', exitCodes.usage)
  const text = await shell.readFile?.(file)
  if (text === undefined) throw new PluginRefusal(`file ${file} does not exist`, exitCodes.usage)
  try {
    return o.csv === undefined ? servicesOfDump(text) : servicesOf(parseCsv(text))
  } catch (fault) {
    throw new PluginRefusal(`${file}: ${fault instanceof Error ? fault.message : String(fault)}. Nothing was printed.`, exitCodes.usage)
  }
}

function print(session: Session, o: ImportOptions, items: readonly object[]): void {
  if (o.output) printJson(session, { apiVersion: 'v1', kind: 'List', items })
  else for (const item of items) session.shell.out(`---\n${stringify(item)}`)
}

type Made = Parameters<typeof summary>[0][number] & { made: AdoptManifest }

function pageOf(matches: readonly ServiceMatch[], made: readonly Made[], notes: readonly string[]): string {
  const unclear = matches.flatMap((match) =>
    match.is === 'unclear' ? [`service ${match.service.serviceId} (line ${match.service.line}): ${match.why}`] : [],
  )
  const missing = matches.flatMap(({ is, service }) =>
    is === 'missing' && suspensionsOf(service) !== undefined
      ? [`service ${service.serviceId} (line ${service.line}): PVE has no such guest`]
      : [],
  )
  const ours = matches.flatMap((match) =>
    match.is === 'matched' && match.candidate.owner !== undefined
      ? [`service ${match.service.serviceId}: VM ${match.candidate.vmid} is ${match.candidate.owner} already`]
      : [],
  )
  const lists: readonly [string, readonly string[]][] = [
    ['You must decide; no manifest was printed for', unclear],
    ['Not in PVE', missing],
    ['Already a ProxmoxVM', ours],
    ['Addresses', notes],
  ]
  const told = lists
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`)
  return [made.length > 0 ? summary(made) : 'no manifest was printed for any service\n', ...told].join('')
}
