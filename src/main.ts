import { Command, InvalidArgumentError, Option } from 'commander'
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { electionFlags, electionTimesOf } from './kube/election-flags.ts'
import { aborted } from './ops/abort.ts'
import { logLevels } from './ops/log.ts'
import packageFile from '../package.json' with { type: 'json' }

const print = (line: string) => process.stdout.write(`${line}\n`)
const tell = (line: string) => process.stderr.write(`${line}\n`)

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process at once. */
function untilSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => (stop.signal.aborted ? process.exit(130) : stop.abort()))
  }
  return stop.signal
}

function hostAndPort(text: string): { host: string; port: number } {
  const match = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(text)
  if (!match) throw new InvalidArgumentError('write HOST:PORT, for example 127.0.0.1:8006')
  return { host: match[1] || '127.0.0.1', port: Number(match[2]) }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('write a number above 0')
  return value
}

// Each command loads only its own rooms: the operator never carries the simulator.
const program = new Command('pve-operator').description(packageFile.description).version(packageFile.version)

const run = program
  .command('run')
  .description('reconcile: make Proxmox VE what the objects declare')
  .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, in a pod its service account, else ~/.kube/config)')
  .option('--metrics-addr <host:port>', 'serve /metrics there')
  .option('--health-addr <host:port>', 'serve /healthz and /readyz there')
  .option('--leader-elect', 'act only while holding the Lease pve-operator')
  .addOption(new Option('--log-level <level>', 'least level that is logged').choices([...logLevels]).default('info'))
  .action(async (options) => {
    const electionTimes = electionTimesOf(options)
    const { runCommand } = await import('./run.ts')
    await runCommand({
      ...options,
      electionTimes,
      kubeconfig: options.kubeconfig ?? process.env.KUBECONFIG,
      version: packageFile.version,
      signal: untilSignal(),
    })
  })

for (const [flag, means, fallback] of electionFlags) run.option(flag, means, fallback)

program
  .command('console')
  .description('show the screens of VMs in browsers, to whoever has the URL of a ProxmoxVMConsole')
  .option('--kubeconfig <file>', 'kubeconfig to use (default: $KUBECONFIG, in a pod its service account, else ~/.kube/config)')
  .option('--listen <host:port>', 'serve the page there', '0.0.0.0:8443')
  .option('--tls-cert <file>', 'certificate chain, PEM; read again when it changes (default: plain HTTP, for behind a proxy that does TLS)')
  .option('--tls-key <file>', 'its key, PEM')
  .option('--trusted-proxies <list>', 'addresses and networks, separated by commas, whose X-Forwarded-For is believed')
  .option('--max-sessions <n>', 'pages at the same time', positive, 200)
  .option('--metrics-addr <host:port>', 'serve /metrics there')
  .option('--health-addr <host:port>', 'serve /healthz and /readyz there')
  .addOption(new Option('--log-level <level>', 'least level that is logged').choices([...logLevels]).default('info'))
  .action(async (options) => {
    const { consoleCommand } = await import('./console-run.ts')
    const kubeconfig = options.kubeconfig ?? process.env.KUBECONFIG
    await consoleCommand({ ...options, kubeconfig, version: packageFile.version, signal: untilSignal() })
  })

program
  .command('controlplane')
  .description('start a real etcd and kube-apiserver on this machine, for trials and tests')
  .requiredOption('--dir <dir>', 'data, certificates and kubeconfig')
  .option('--port <port>', 'port of the API server', Number)
  .action(async (options) => {
    const { controlplaneCommand } = await import('./controlplane/command.ts')
    const assetsDir = process.env.KUBEBUILDER_ASSETS
    await controlplaneCommand({ ...options, ...(assetsDir && { assetsDir }), signal: untilSignal(), print, log: tell })
  })

program
  .command('simulate')
  .description('serve a faithful model of the Proxmox VE API')
  .requiredOption('--listen <host:port>', 'address to listen on', hostAndPort)
  .option('--no-tls', 'plain HTTP')
  .addOption(
    new Option('--preset <name>', 'what is there at the start').choices(['default', 'recorded', 'fleet-of-strangers']).default('default'),
  )
  .option('--scenario <file>', 'JSON or YAML laid over the preset, or fleet-of-strangers')
  .option('--speed <n>', 'divides every simulated duration', positive)
  .action(async (options) => {
    const { startSimulator } = await import('./simulator/simulator.ts')
    const { greeting } = await import('./simulator/greeting.ts')
    const signal = untilSignal()
    const isBuiltIn = options.scenario === 'fleet-of-strangers'
    const scenario: unknown = options.scenario && !isBuiltIn ? parse(await readFile(options.scenario, 'utf8')) : undefined
    const simulator = await startSimulator({
      ...options.listen,
      tls: options.tls,
      preset: isBuiltIn ? 'fleet-of-strangers' : options.preset,
      ...(scenario !== undefined && { scenario }),
      ...(options.speed && { speed: options.speed }),
    })
    print('ready')
    print(greeting(simulator))
    await aborted(signal)
    await simulator.stop()
  })

program
  .command('crds')
  .description('print the CRDs and the admission policies that belong to them')
  .action(async () => {
    const { crdsCommand } = await import('./crds/command.ts')
    crdsCommand((text) => void process.stdout.write(text))
  })

program
  .command('role')
  .description('print the commands that make the least-privilege role and token in Proxmox VE')
  .addOption(new Option('--pve <major>', 'major version of PVE').choices(['8', '9']).default('9'))
  .option('--with <list>', 'what it may do beyond what every VM needs, separated by commas (default: backup,quorum,placement,snapshot)')
  .option('--pool <name>', 'grant guests and storages on this PVE pool (spec.pvePool)')
  .action(async (options: { pve: '8' | '9'; with?: string; pool?: string }) => {
    const { roleCommands } = await import('./cluster/role.ts')
    const { capabilityList } = await import('./cluster/capability-list.ts')
    const wanted = options.with === undefined ? {} : { capabilities: capabilityList(options.with) }
    print(roleCommands({ pve: options.pve === '8' ? 8 : 9, ...wanted, ...(options.pool && { pool: options.pool }) }))
  })

// A reader that has seen enough (head) closes the pipe; that is no fault of ours.
process.stdout.on('error', () => process.exit(0))

try {
  await program.parseAsync()
} catch (fault) {
  tell(`pve-operator: ${fault instanceof Error ? fault.message : String(fault)}`)
  // Watches may still be open: a leader whose Lease another one has must end now, and be started again.
  process.exit(1)
}
