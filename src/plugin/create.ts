/** `kubectl pve create`: the manual's Create. Makes the object from a few flags, or goes on with one that is there. */
import { apiVersion, clientIdLabel, serviceIdLabel } from '../api/group.ts'
import { proxmoxClusters, proxmoxVMs } from '../api/meta.ts'
import { addressesInForce } from '../api/held-addresses.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { sendCommand } from './command.ts'
import { createOnce } from './create-once.ts'
import { showDryRun } from './plan-page.ts'
import { printJson, type Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { isReadyAt, waitForVM } from './waiting.ts'

export interface CreateOptions {
  cluster?: string
  template?: string
  package?: string
  address?: string[]
  hostname?: string
  user?: string
  client?: string
  service?: string
  wait: boolean
  timeout?: number
  output?: 'json'
}

/** Pressed again it changes nothing: what is there is waited for, and a VM that was removed is made again. */
export async function createVM(session: Session, name: string, o: CreateOptions): Promise<void> {
  const there = await session.client.get(proxmoxVMs, { namespace: session.namespace, name })
  if (!there) return await make(session, name, o)
  if (there.metadata.deletionTimestamp !== undefined)
    throw new PluginRefusal(`create ${name}: the ProxmoxVM of that name is being terminated; create it when it is gone`)
  const flags = fieldsGiven(o)
  if (flags.length > 0)
    throw new PluginRefusal(
      `create ${name}: the ProxmoxVM is there already, and ${flags.join(', ')} would not change it. Use kubectl pve change-package ${name}, or edit it`,
      exitCodes.usage,
    )
  const phase = there.status?.phase ?? ''
  if (phase === 'Removed' || phase === 'Missing') {
    const { wait, timeout, output } = o
    return await sendCommand(session, 'Clone', name, { wait, ...(timeout !== undefined && { timeout }), ...(output && { output }) })
  }
  await tell(session, there, o)
}

async function make(session: Session, name: string, o: CreateOptions): Promise<void> {
  const wish = await objectOf(session, name, o)
  const made = await createOnce(session, proxmoxVMs, wish)
  if (session.isDryRun) return await showDryRun(session, made, o)
  await tell(session, made, o)
}

async function tell(session: Session, vm: ProxmoxVM, o: CreateOptions): Promise<void> {
  const { name, generation = 0 } = vm.metadata
  const timeout = o.timeout === undefined ? {} : { timeoutSeconds: o.timeout }
  const now = o.wait ? await waitForVM(session, vm, { ...timeout, isDone: (each) => isReadyAt(each, generation) }) : vm
  if (o.output) return printJson(session, now)
  const { hostname, remoteStatus, vmid, node } = now.status ?? {}
  const where = vmid === undefined ? '' : `; VM ${vmid}${node ? ` on ${node}` : ''}`
  const known = [hostname, ...addressesInForce(now.status)].filter((each) => each !== undefined).join(', ')
  session.shell.out(
    `create ${name}: ${o.wait ? `ready, ${remoteStatus ?? 'power unknown'}` : 'the object is there'}${where}${known ? `; ${known}` : ''}\n`,
  )
}

const fieldsGiven = (o: CreateOptions): string[] =>
  (['cluster', 'template', 'package', 'address', 'hostname', 'user', 'client', 'service'] as const)
    .filter((field) => o[field] !== undefined)
    .map((field) => `--${field}`)

async function objectOf(session: Session, name: string, o: CreateOptions): Promise<ProxmoxVM> {
  const { template, hostname, user, client, service } = o
  if (template === undefined || o.package === undefined)
    throw new PluginRefusal(
      `create ${name}: the ProxmoxVM does not exist in namespace ${session.namespace}; to make it name --template and --package, or kubectl apply a manifest`,
      exitCodes.usage,
    )
  const cluster = o.cluster ?? (await onlyCluster(session, name))
  const labels = { ...(client !== undefined && { [clientIdLabel]: client }), ...(service !== undefined && { [serviceIdLabel]: service }) }
  const spec = {
    clusterRef: { name: cluster },
    template: { name: template },
    packageRef: { name: o.package },
    ...(o.address && { addresses: o.address.map(entryOf) }),
    ...(hostname !== undefined && { hostname }),
    ...(user !== undefined && { cloudInit: { user, generatePassword: true } }),
  }
  return { apiVersion, kind: 'ProxmoxVM', metadata: { namespace: session.namespace, name, labels }, spec } as unknown as ProxmoxVM
}

/** `main=public-v4`, or the pool alone: the first entry is then called main, the others as their pools. */
function entryOf(text: string, at: number): object {
  const [first = '', pool] = text.split(/=(.*)/s)
  return pool === undefined ? { name: at === 0 ? 'main' : first, poolRef: { name: first } } : { name: first, poolRef: { name: pool } }
}

async function onlyCluster({ client }: Session, name: string): Promise<string> {
  const names = (await client.list(proxmoxClusters)).map(({ metadata }) => metadata.name)
  const [only] = names
  if (only !== undefined && names.length === 1) return only
  throw new PluginRefusal(`create ${name}: name one with --cluster; there are ${names.join(', ') || 'none'}`, exitCodes.usage)
}
