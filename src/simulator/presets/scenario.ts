import type { GuestSpec, WorldSpec } from '../world/spec.ts'
import { scenarioSchema, type Scenario, type TemplateEntry } from './scenario-schema.ts'
import { bytesPerGiB } from './size.ts'

/** Lays a scenario over a preset. Throws an Error that names each wrong field. */
export function applyScenario(base: WorldSpec, scenario: unknown): WorldSpec {
  const parsed = scenarioSchema.safeParse(scenario ?? {})
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'the file'}: ${issue.message}`)
    throw new Error(`the scenario is not right:\n${lines.join('\n')}`)
  }
  const spec = merged(structuredClone(base), parsed.data)
  const faults = contradictions(spec)
  if (faults.length > 0) throw new Error(`the scenario is not right:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
  return spec
}

/** Copies those members that are not undefined. */
function given<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

function merged(base: WorldSpec, scenario: Scenario): WorldSpec {
  const { version, nodes, storages, templates, guests, volumes, datacenter, firewall, durations: changed, ...same } = scenario
  const spec = { ...base, ...given(same) } as WorldSpec
  if (version !== undefined) spec.version = { ...spec.version, version, release: version.replace(/\.\d+$/, '') }
  if (nodes !== undefined) {
    spec.nodes = nodes.map(({ memory, ip, ...rest }, index) =>
      given({ ...rest, memoryBytes: memory, ip: ip ?? `10.0.0.${index + 1}` }),
    ) as WorldSpec['nodes']
  }
  if (storages !== undefined) {
    spec.storages = storages.map(({ size: sizeBytes, used, ...rest }) =>
      given({ ...rest, sizeBytes, usedBytes: used }),
    ) as WorldSpec['storages']
  }
  if (volumes !== undefined)
    spec.volumes = volumes.map(({ size: sizeBytes, ...rest }) => given({ ...rest, sizeBytes })) as WorldSpec['volumes']
  spec.guests = guestsOf(spec, templates, guests)
  spec.datacenter = { ...spec.datacenter, ...datacenter }
  if (firewall !== undefined) spec.firewallOptions = { enable: firewall.enable ? 1 : 0 }
  spec.durations = { ...spec.durations, ...(changed === undefined ? {} : given(changed)) } as WorldSpec['durations']
  return spec
}

/** Templates and other guests are replaced independently; those on nodes or storages that are gone go too. */
function guestsOf(spec: WorldSpec, templates: Scenario['templates'], guests: Scenario['guests']): GuestSpec[] {
  const isTemplate = (one: GuestSpec): boolean => one.config['template'] === '1'
  const kept = spec.guests.filter((one) => spec.nodes.some(({ name }) => name === one.node))
  const isFileBased = (name: string): boolean =>
    ['dir', 'nfs', 'cifs', 'btrfs'].includes(spec.storages.find(({ storage: id }) => id === name)?.type ?? '')
  return [
    ...(templates?.map((one) => templateGuest(one, isFileBased(one.storage))) ?? kept.filter(isTemplate)),
    ...(guests?.map((one) => given(one) as GuestSpec) ?? kept.filter((one) => !isTemplate(one))),
  ]
}

function templateGuest({ vmid, node: on, name, storage: store, disk, tags, cloudInit, config }: TemplateEntry, isFile: boolean): GuestSpec {
  const volume = (kind: string, format: string): string => (isFile ? `${store}:${vmid}/${kind}.${format}` : `${store}:${kind}`)
  const id = String(vmid).padStart(12, '0')
  return {
    vmid,
    node: on,
    config: {
      agent: 'enabled=1',
      boot: 'order=scsi0',
      cores: '1',
      ...(cloudInit ? { ide2: `${volume(`vm-${vmid}-cloudinit`, 'qcow2')},media=cdrom,size=4M` } : {}),
      memory: '1024',
      name,
      ostype: 'l26',
      scsi0: `${volume(`base-${vmid}-disk-0`, 'qcow2')},size=${diskSize(disk)}`,
      scsihw: 'virtio-scsi-single',
      smbios1: `uuid=00000000-0000-4000-8000-${id}`,
      ...(tags === undefined ? {} : { tags }),
      template: '1',
      ...config,
    },
  }
}

function diskSize(bytes: number): string {
  return bytes % bytesPerGiB === 0 ? `${bytes / bytesPerGiB}G` : `${Math.ceil(bytes / 1024 ** 2)}M`
}

/** What cannot be: two guests of one number, guests on nodes that are not there. */
function contradictions(spec: WorldSpec): string[] {
  const nodes = new Set(spec.nodes.map(({ name }) => name))
  const seen = new Set<number>()
  const out: string[] = []
  for (const { vmid, node: on } of spec.guests) {
    if (seen.has(vmid)) out.push(`two guests have the VMID ${vmid}`)
    seen.add(vmid)
    if (!nodes.has(on)) out.push(`guest ${vmid} is on node '${on}', which is not among: ${[...nodes].join(', ')}`)
  }
  for (const { storage: name, nodes: on } of spec.storages) {
    for (const one of on ?? [])
      if (!nodes.has(one)) out.push(`storage '${name}' names node '${one}', which is not among: ${[...nodes].join(', ')}`)
  }
  for (const { vmid } of spec.ha?.resources ?? [])
    if (!seen.has(vmid)) out.push(`ha.resources names guest ${vmid}, which the scenario does not have`)
  return out
}
