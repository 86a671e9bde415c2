/**
 * `make demo`: a real control plane, the simulator, the operator, and the manifests of deploy/examples becoming Ready.
 * CONSOLE=1: a broker beside them, and a URL that shows the screen of a VM in a browser, once.
 * DNS=1: a real PowerDNS beside them, and the records of the VMs in it.
 * DEMO_EXIT=1: ends with 0 once all is Ready, with 1 when it is not within 120 s.
 */
import { join, relative } from 'node:path'
import type { KubeObject } from '../api/meta.ts'
import { ipPools, poolAddresses, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { keyOf, parseKey } from '../kube/keys.ts'
import { aborted } from '../ops/abort.ts'
import { type OperatorProcess, type LocalStack, startLocalStack, unlessFailed } from '../local-stack/local-stack.ts'
import { Audience } from './audience.ts'
import { Board, isReady, boardRowOf } from './board.ts'
import { consoleScenario, openConsoleOf } from './console.ts'
import { DemoDns } from './dns.ts'
import { hasKubectl, kubectl, vmTable } from './kubectl.ts'

const dir = join(import.meta.dirname, '../../.demo')
const readyWithinSeconds = 120
/** 00-cluster.yaml … 03-vms.yaml: one setting. The other examples are each for themselves. */
const mainExample = /^\d\d-/
const interrupted = new AbortController()
/** The show is over, however it ended: nobody watches any more. */
const over = new AbortController()
const say = (line = ''): unknown => process.stdout.write(`${line}\n`)

/** As a user writes it: the API server adds the defaults. */
const guest: KubeObject & { spec: object } = {
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'ProxmoxVM',
  metadata: { name: 'guest', namespace: 'customer-7' },
  spec: {
    clusterRef: { name: 'fra1' },
    template: { name: 'debian-13', clone: 'Linked' },
    packageRef: { name: 'vps-s' },
    addresses: [{ name: 'main', poolRef: { name: 'public-v4' } }],
  },
}

async function demo(stack: LocalStack, dns: DemoDns | undefined): Promise<boolean> {
  const operator = await stack.startOperator()
  say(`The control plane, the simulator and the operator run. From another terminal:\n\n  export KUBECONFIG=${stack.kubeconfig}\n`)
  const startedMs = performance.now()
  const seconds = (): string => `${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(5)} s`
  const board = new Board(process.stdout, { colour: !process.env.NO_COLOR, elapsed: seconds })
  const audience = new Audience(stack.client, over.signal)
  const show = (vms: readonly ProxmoxVM[]): void => board.show(vms.map(boardRowOf))
  const follow = (until: (vms: readonly ProxmoxVM[]) => boolean, deadlineSeconds: number): Promise<boolean> =>
    audience.follow({ until, show, deadlineSeconds, signal: interrupted.signal })

  const examples = await stack.examples(mainExample)
  say(`Applying ${examples.length} objects of deploy/examples:\n`)
  await stack.manifests.apply([...examples, ...(dns?.objects() ?? [])])
  const wanted = examples.filter((object) => object.kind === 'ProxmoxVM').map((object) => keyOf(object))
  if (!(await follow((vms) => allReady(wanted, vms), readyWithinSeconds))) return tooLate(audience.vms())
  board.leave()
  say(`\nAll ${wanted.length} VMs are Ready after ${seconds().trim()}.\n`)
  await showObjects(stack)
  if (dns) await showRecords(stack, dns, wanted)
  await giveBack(stack, follow, board)
  if (process.env.CONSOLE) await showConsole(stack, audience.vms())
  goodbye(stack, operator)
  return true
}

function allReady(wanted: readonly string[], vms: readonly ProxmoxVM[]): boolean {
  const ready = new Set(vms.filter(isReady).map((vm) => keyOf(vm)))
  return wanted.every((key) => ready.has(key))
}

function tooLate(vms: readonly ProxmoxVM[]): false {
  if (interrupted.signal.aborted) return false
  say(`\nNot all VMs are Ready after ${readyWithinSeconds} s:`)
  for (const vm of vms.filter((one) => !isReady(one))) {
    const why = vm.status?.conditions?.find((condition) => condition.type === 'Ready')
    say(`  ${keyOf(vm)}: ${why ? `${why.reason}: ${why.message}` : 'nobody has looked at it'}`)
  }
  say(`The log of the operator: ${join(dir, 'operator.log')}`)
  return false
}

async function showObjects(stack: LocalStack): Promise<void> {
  if (!hasKubectl) {
    say(await vmTable(stack.client))
    return
  }
  for (const args of [
    ['get', 'pvm', '-A'],
    ['get', 'ipp,paddr'],
    ['get', 'pvecl,vmpkg'],
  ])
    say(kubectl(stack.kubeconfig, args))
}

/** The records of the first VM that has some, as the server answers them. */
async function showRecords(stack: LocalStack, dns: DemoDns, keys: readonly string[]): Promise<void> {
  const isSynced = (vm: ProxmoxVM | undefined): boolean =>
    vm?.status?.conditions?.some(({ type, reason }) => type === 'DNSSynced' && reason === 'Synced') === true
  const deadlineMs = performance.now() + 30_000
  for (const key of keys) {
    let vm = await stack.client.get(proxmoxVMs, parseKey(key))
    while (!isSynced(vm) && vm?.status?.hostname?.includes('.') && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      vm = await stack.client.get(proxmoxVMs, parseKey(key))
    }
    const { hostname, addresses = [] } = vm?.status ?? {}
    if (!isSynced(vm) || !hostname?.includes('.')) continue
    say(`What PowerDNS answers for ${hostname} (dig @127.0.0.1 -p ${dns.port}):\n`)
    const answers = [dns.dig(hostname, 'A', hostname, 'AAAA'), ...addresses.map(({ address }) => dns.dig('-x', address))]
    for (const answer of await Promise.all(answers)) say(answer.replace(/^/gm, '  '))
    say()
  }
}

/** One more VM, and its end: the address goes back to the pool with a record of who had it. */
async function giveBack(
  stack: LocalStack,
  follow: (until: (vms: readonly ProxmoxVM[]) => boolean, deadlineSeconds: number) => Promise<boolean>,
  board: Board,
): Promise<void> {
  const key = keyOf(guest)
  say('One more VM, to be deleted again:\n')
  await stack.manifests.apply([guest])
  if (!(await follow((vms) => allReady([key], vms), 60))) throw new Error(`${key} is not Ready after 60 s`)
  const address = (await stack.client.get(proxmoxVMs, guest.metadata))?.status?.addresses?.[0]?.address
  if (address === undefined) throw new Error(`${key} is Ready without an address`)
  const before = await addressLine(stack, address)
  await stack.client.delete(proxmoxVMs, guest.metadata)
  if (!(await follow((vms) => !vms.some((vm) => keyOf(vm) === key), 60))) throw new Error(`${key} is not gone after 60 s`)
  board.leave()
  say(`\n${key} is gone from Kubernetes and from Proxmox VE. Its address, before and after:\n`)
  say(`  ${before}\n  ${await addressLine(stack, address)}\n`)
}

async function addressLine(stack: LocalStack, address: string): Promise<string> {
  const spec = (await stack.client.get(poolAddresses, { name: address }))?.spec
  if (!spec) return `${address}: no record`
  const last = spec.history?.at(-1)
  const holder = spec.claimRef ? `held by ${spec.claimRef.namespace}/${spec.claimRef.name}` : 'held by nobody'
  const reuse = (await stack.client.get(ipPools, spec.poolRef))?.spec.reuseAfter
  const record = last
    ? `, until ${last.to} by ${last.namespace}/${last.name} (VMID ${last.vmid})${reuse ? `, free again after ${reuse}` : ''}`
    : ''
  return `${address}: ${holder}${record}`
}

function goodbye(stack: LocalStack, operator: OperatorProcess): void {
  say(`Try:

  export KUBECONFIG=${stack.kubeconfig}
  kubectl get pvm -A -o wide -w
  kubectl describe pvm -n customer-7 whmcs-5546
  kubectl explain pvm.spec.addresses
  kubectl get events -n customer-7 --sort-by=.metadata.creationTimestamp
  kubectl delete pvm -n customer-7 small
  curl -sk ${stack.simulator.url}/sim/vms            # what the simulator has
  curl -s ${operator.metricsUrl}/metrics
  tail -f ${relative(process.cwd(), operator.logFile) || operator.logFile}
`)
}

/** The screen of the first VM that is on. */
async function showConsole(stack: LocalStack, vms: readonly ProxmoxVM[]): Promise<void> {
  const vm = vms.find(({ status }) => status?.remoteStatus === 'running')
  if (!vm) throw new Error('no example VM is on')
  const { name, namespace = '' } = vm.metadata
  const url = await openConsoleOf(stack, { namespace, name })
  say(`The screen of ${keyOf(vm)}, once, within ten minutes:\n\n  ${url}\n`)
}

async function startDns(): Promise<DemoDns | undefined> {
  if (!process.env.DNS) return undefined
  say('starting PowerDNS …')
  const dns = await DemoDns.start(dir)
  if (typeof dns !== 'string') return dns
  say(`Without DNS: ${dns}`)
  return undefined
}

async function main(): Promise<number> {
  let stack: LocalStack | undefined
  let dns: DemoDns | undefined
  try {
    const simulate = process.env.CONSOLE ? ['--scenario', await consoleScenario()] : []
    stack = await startLocalStack({ dir, simulate, log: say, signal: interrupted.signal })
    dns = await startDns()
    const ready = await unlessFailed(demo(stack, dns), stack.failed)
    if (!ready || process.env.DEMO_EXIT) return ready ? 0 : 1
    say('It stays up. Ctrl-C stops everything.')
    const ended = await Promise.race([stack.failed, aborted(interrupted.signal)])
    if (ended !== undefined && !interrupted.signal.aborted) throw new Error(ended)
    return 0
  } catch (fault) {
    if (interrupted.signal.aborted) return 130
    process.stderr.write(`demo: ${fault instanceof Error ? fault.message : String(fault)}\n`)
    return 1
  } finally {
    over.abort()
    if (stack) {
      say('Stopping the operator, the simulator and the control plane …')
      await Promise.all([stack.stop(), dns?.stop()])
    }
  }
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort())
process.exitCode = await main()
