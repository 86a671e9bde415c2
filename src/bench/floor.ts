/** The floor of a birth: what the API server alone needs for the writes that safety demands, done by a script that does nothing else. */
import { randomUUID } from 'node:crypto'
import { teardownFinalizer } from '../api/group.ts'
import { coreEvents, type Event, type KubeObject, poolAddresses, proxmoxVMs, secrets } from '../api/meta.ts'
import type { PoolAddress } from '../api/pooladdress.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { KubeClient } from '../kube/client.ts'
import { microTime } from '../kube/micro-time.ts'
import type { LocalStack } from '../local-stack/local-stack.ts'
import { cpuBetween, cpuOf, type CpuSeconds } from './processes.ts'
import type { GridRow, Section } from './report.ts'

/** As many as the operator has connections for (kube/transport.ts). */
const atOnce = 16
const namespace = 'floor'

/** One write, `count` times for as many VMs. */
interface Write {
  readonly what: string
  /** How often a birth does it; 0: measured only to be compared with. */
  readonly perBirth: number
  readonly write: (at: number) => Promise<unknown>
}

interface Measured extends Write {
  readonly seconds: number
  readonly cpu: CpuSeconds
}

/** Copies of a VM that the operator has made, on the control plane of that operator, which is stopped by now. */
export async function floor(stack: LocalStack, count: number): Promise<Section> {
  const { client } = stack
  const models = (await client.list(proxmoxVMs)).filter(({ metadata, status }) => status?.addresses && !metadata.deletionTimestamp)
  const model = models[0]
  const [address] = await client.list(poolAddresses)
  if (!model || !address) throw new Error('the floor is measured with copies of a VM that is Ready, and there is none')
  await stack.manifests.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }])
  const measured: Measured[] = []
  for (const write of writesOf(client, model, address)) measured.push(await timed(stack, write, count))
  return section(measured, count)
}

async function timed(stack: LocalStack, one: Write, count: number): Promise<Measured> {
  const before = cpuOf(stack, process.pid)
  const startedMs = performance.now()
  const left = Array.from({ length: count }, (_, at) => at).values()
  const worker = async (): Promise<void> => {
    for (const at of left) await one.write(at)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { ...one, seconds: (performance.now() - startedMs) / 1_000, cpu: cpuBetween(before, cpuOf(stack, process.pid)) }
}

function writesOf(client: KubeClient, model: ProxmoxVM, address: PoolAddress): Write[] {
  const nameOf = (at: number): string => `floor-${at}`
  const vms = new Map<number, ProxmoxVM>()
  const keep = async (at: number, vm: Promise<ProxmoxVM>): Promise<void> => void vms.set(at, await vm)
  const vmOf = (at: number): ProxmoxVM => vms.get(at) ?? model
  const key = (at: number): { namespace: string; name: string } => ({ namespace, name: nameOf(at) })
  let times = 0
  const statusOf = (): NonNullable<ProxmoxVM['status']> => ({ ...model.status, node: `pve${(times += 1) % 10}` })
  const addressAt = (family: number) => (at: number) => client.create(poolAddresses, addressOf(address, family * 10_000 + at))
  const bare = { apiVersion: model.apiVersion, kind: model.kind, spec: model.spec }
  const finalizers = [teardownFinalizer]
  return [
    { what: 'ProxmoxVM made by its user', perBirth: 1, write: (at) => keep(at, client.create(proxmoxVMs, { ...bare, metadata: key(at) })) },
    {
      what: 'finalizer (PATCH)',
      perBirth: 1,
      write: (at) => keep(at, client.mergePatch<ProxmoxVM>(proxmoxVMs, key(at), { metadata: { finalizers } })),
    },
    { what: 'first PoolAddress (POST)', perBirth: 1, write: addressAt(1) },
    { what: 'second PoolAddress (POST)', perBirth: 1, write: addressAt(2) },
    { what: 'Secret (POST)', perBirth: 1, write: (at) => client.create(secrets, secretOf(key(at))) },
    ...['intent', 'UPID of the clone', 'Ready'].map((what) => ({
      what: `status: ${what} (PUT)`,
      perBirth: 1,
      write: (at: number) => keep(at, client.replaceStatus(proxmoxVMs, { ...vmOf(at), status: statusOf() })),
    })),
    {
      what: 'for comparison: the status as a merge patch of what differs',
      perBirth: 0,
      write: (at) =>
        keep(at, client.mergePatch<ProxmoxVM>(proxmoxVMs, key(at), { status: { node: `other${at}` } }, { subresource: 'status' })),
    },
    { what: 'for comparison: an Event (POST)', perBirth: 0, write: (at) => client.create(coreEvents, eventOf(vmOf(at))) },
  ]
}

function addressOf(model: PoolAddress, number: number): PoolAddress {
  const text = `10.99.${Math.floor(number / 250)}.${(number % 250) + 1}`
  const { claimRef, ...spec } = model.spec
  return {
    apiVersion: model.apiVersion,
    kind: model.kind,
    metadata: { name: text, ...(model.metadata.finalizers && { finalizers: model.metadata.finalizers }) },
    spec: { ...spec, address: text, ...(claimRef && { claimRef: { ...claimRef, uid: randomUUID() } }) },
  } as PoolAddress
}

const secretOf = (metadata: KubeObject['metadata']): KubeObject =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { user: 'admin', password: 'a-password-of-20-char' } }) as KubeObject

function eventOf({ apiVersion, kind, metadata: { name, uid } }: ProxmoxVM): Event {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace, name: `${name}.${randomUUID()}` },
    eventTime: microTime(Date.now()),
    reportingController: 'pve.hosting/bench',
    reportingInstance: 'bench',
    regarding: { apiVersion, kind, namespace, name, ...(uid && { uid }) },
    type: 'Normal',
    reason: 'Ready',
    action: 'Ready',
    note: 'VM 10000 on pve1 is ready: 203.0.113.10, 2001:db8:a::10',
  }
}

function section(measured: readonly Measured[], count: number): Section {
  const row = ({ what, perBirth, seconds, cpu }: Measured): GridRow => ({
    what,
    values: [
      perBirth === 0 ? '' : String(perBirth),
      (count / seconds).toFixed(0),
      ...['kube-apiserver', 'etcd'].map((name) => (((cpu[name] ?? 0) / count) * 1_000).toFixed(1)),
    ],
  })
  const needed = measured.filter(({ perBirth }) => perBirth > 0)
  const seconds = needed.reduce((sum, each) => sum + each.seconds, 0)
  const cpu = (name: string): number => needed.reduce((sum, each) => sum + (each.cpu[name] ?? 0), 0)
  const sum = [
    String(needed.length),
    (count / seconds).toFixed(1),
    ...['kube-apiserver', 'etcd'].map((name) => ((cpu(name) / count) * 1_000).toFixed(1)),
  ]
  return {
    name: 'floor',
    title: `The floor of ${count} births`,
    setting:
      `The writes that safety demands for one of the VMs above, ${count} times each, ${atOnce} at once, by a script that does nothing else and asks PVE nothing: ` +
      `${seconds.toFixed(1)} s. An operator cannot be faster on this machine; what it asks PVE, its Events and the Lease come on top.`,
    command: 'make bench',
    figures: [],
    grid: {
      title: 'write',
      columns: ['per birth', 'a second', 'kube-apiserver, ms CPU', 'etcd, ms CPU'],
      rows: [...measured.map(row), { what: 'all of a birth', values: sum }],
    },
    tables: [],
  }
}
