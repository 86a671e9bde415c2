/** `make pictures`: the terminal pictures of docs/images, drawn from what kubectl and kubectl pve print beside a real control plane. */
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type KubeObject, proxmoxVMs, vmPackages } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { type LocalStack, startLocalStack, unlessFailed } from '../local-stack/local-stack.ts'
import { isReady } from './board.ts'
import { hasKubectl } from './kubectl.ts'
import { terminalSvg } from './terminal-svg.ts'

const home = join(import.meta.dirname, '../..')
const images = join(home, 'docs/images')
const patienceMs = 180_000
const namespace = 'customer-7'

/** Two VMs beside the examples: one that waits for a person, one that is off because nobody paid. */
const more: readonly (KubeObject & { spec: object })[] = [
  vmNamed('typo', { template: { name: 'debain-13' } }),
  vmNamed('unpaid', { suspensions: [{ by: 'billing', reason: 'invoice 88 is unpaid' }] }),
]

function vmNamed(name: string, spec: object): KubeObject & { spec: object } {
  return {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVM',
    metadata: { name, namespace },
    spec: {
      clusterRef: { name: 'fra1' },
      template: { name: 'debian-13', clone: 'Linked' },
      packageRef: { name: 'vps-s' },
      addresses: [{ name: 'main', poolRef: { name: 'public-v4' } }],
      ...spec,
    },
  }
}

interface Picture {
  readonly file: string
  readonly title: string
  readonly commands: readonly (readonly string[])[]
}

const pictures: readonly Picture[] = [
  {
    file: 'terminal-get',
    title: 'kubectl get pvm -A: every VM with its state, address, node and the reason it waits',
    commands: [['kubectl', 'get', 'pvm', '-A']],
  },
  {
    file: 'terminal-status',
    title: 'kubectl pve status: the steps of a VM with their times, and what it waits for',
    commands: [['kubectl', 'pve', 'status', 'whmcs-5546', '-n', namespace]],
  },
  {
    file: 'terminal-waiting',
    title: 'kubectl pve status of a VM that waits for a person',
    commands: [['kubectl', 'pve', 'status', 'typo', '-n', namespace]],
  },
  {
    file: 'terminal-plan',
    title: 'kubectl pve outdated and plan: what an edited package would change, and what needs a stop',
    commands: [
      ['kubectl', 'pve', 'outdated', '-A'],
      ['kubectl', 'pve', 'plan', 'whmcs-5546', '-n', namespace],
    ],
  },
  {
    file: 'terminal-find',
    title: 'kubectl pve pools, find and who: free addresses, and whose an address is',
    commands: [
      ['kubectl', 'pve', 'pools'],
      ['kubectl', 'pve', 'find', '5546'],
      ['kubectl', 'pve', 'who', '203.0.113.25'],
    ],
  },
]

async function draw(stack: LocalStack): Promise<void> {
  await stack.startOperator()
  await stack.manifests.apply([...(await stack.examples(/^\d\d-/)), ...more])
  await until(stack, 'every example is Ready', (vms) => vms.length > more.length && vms.every((vm) => isReady(vm) || isTypo(vm)))
  await stack.client.mergePatch(vmPackages, { name: 'vps-m' }, { spec: { cpu: { cores: 4 }, systemDisk: { size: '80Gi' } } })
  await until(stack, 'the edit of the package is seen', (vms) => vms.some(({ status }) => status?.remarks?.includes('PackageOutdated')))
  await mkdir(images, { recursive: true })
  for (const { file, title, commands } of pictures) {
    const screens = commands.map((words) => ({ command: words.join(' '), output: printed(stack, words) }))
    await writeFile(join(images, `${file}.svg`), terminalSvg({ title, screens }))
    process.stdout.write(`docs/images/${file}.svg\n`)
  }
}

const isTypo = (vm: ProxmoxVM): boolean =>
  vm.metadata.name === 'typo' && vm.status?.conditions?.some(({ reason }) => reason === 'TemplateNotFound') === true

/** What the command prints; kubectl pve is the one of these sources. */
function printed(stack: LocalStack, [program = '', ...args]: readonly string[]): string {
  const [command, rest] = args[0] === 'pve' ? [join(home, 'bin/kubectl-pve'), args.slice(1)] : [program, args]
  const env = { ...process.env, KUBECONFIG: stack.kubeconfig, NO_COLOR: '1', COLUMNS: '120' }
  const { stdout, stderr, status } = spawnSync(command, rest, { encoding: 'utf8', env })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
  return stdout
}

async function until(stack: LocalStack, what: string, holds: (vms: ProxmoxVM[]) => boolean): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!holds(await stack.client.list(proxmoxVMs))) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${patienceMs / 1_000} s: ${what}; see ${stack.dir}/operator.log`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

if (!hasKubectl) throw new Error('make pictures needs kubectl in PATH')
const stack = await startLocalStack({ dir: join(home, '.demo/pictures'), log: (line) => process.stderr.write(`${line}\n`) })
try {
  await unlessFailed(draw(stack), stack.failed)
} finally {
  await stack.stop()
}
