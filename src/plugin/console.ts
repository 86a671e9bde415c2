/** `kubectl pve console`: a ProxmoxVMConsole, and its URL. */
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { apiVersion } from '../api/group.ts'
import { proxmoxVMConsoles, secrets } from '../api/meta.ts'
import type { ProxmoxVMConsole } from '../api/proxmoxvmconsole.ts'
import { createOnce } from './create-once.ts'
import { bound, dryRun, json } from './options.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal, type Shell } from './shell.ts'
import { waitFor } from './waiting.ts'

interface ConsoleOptions {
  readOnly?: boolean
  serial?: boolean
  stay?: string
  open?: boolean
  output?: 'json'
}

export function addConsole(program: Command, shell: Shell): void {
  program
    .command('console <vm>')
    .description('prints a URL that shows the screen of the VM in a browser, once and within a minute [running, not suspended]')
    .helpGroup('Console (with your rights):')
    .option('--read-only', 'one may only look')
    .option('--serial', 'the text of the serial port serial0 instead of the picture')
    .option('--stay <duration>', 'how long the session may stay open, such as 30m (default: 2h)')
    .option('--open', 'also open it in the browser of this machine')
    .addOption(dryRun())
    .addOption(json())
    .action(bound(shell, openConsole))
}

/** How long the operator may take to judge it. */
const judgedWithinSeconds = 60

async function openConsole(session: Session, vmName: string, o: ConsoleOptions): Promise<void> {
  await mustGetVM(session, vmName)
  const made = await createConsole(session, vmName, o)
  if (session.isDryRun) {
    if (o.output) return printJson(session, made)
    session.shell.out(`console ${vmName}: the API server accepts the console. Dry run: nothing was written.\n`)
    return
  }
  const { name } = made.metadata
  const { namespace, client } = session
  const later = `kubectl get pvcons ${name} -n ${namespace}`
  const judged = await waitFor(session, { timeoutSeconds: judgedWithinSeconds, later }, async () => {
    const now = await client.get(proxmoxVMConsoles, { namespace, name })
    if (!now) throw new PluginRefusal(`console ${vmName}: ProxmoxVMConsole "${name}" was deleted before it had a URL`)
    const { phase = 'Pending', message = 'waits for the operator' } = now.status ?? {}
    return phase === 'Pending' ? { progress: `console ${vmName}: ${message}` } : { done: now }
  })
  const { status } = judged
  if (status?.phase !== 'Waiting') {
    const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'Refused'
    throw new PluginRefusal(`console ${vmName}: ${reason}: ${status?.message}`)
  }
  const secret = await client.get(secrets, { namespace, name: status.secretRef?.name ?? '' })
  const url = Buffer.from(secret?.data?.['url'] ?? '', 'base64').toString('utf8')
  if (!url)
    throw new PluginRefusal(
      `console ${vmName}: Secret "${status.secretRef?.name}" no longer has a URL; somebody opened it, or its time has ended`,
    )
  if (o.output) printJson(session, { console: name, url, openBefore: status.openBefore })
  else session.shell.out(`${url}\n`)
  if (o.open) await session.shell.browse?.(url)
}

async function createConsole(session: Session, vm: string, o: ConsoleOptions): Promise<ProxmoxVMConsole> {
  const { namespace } = session
  const name = `${vm.slice(0, 220)}-console-${randomBytes(3).toString('hex')}`
  const spec = {
    vmRef: { name: vm },
    ...(o.serial && { display: 'Serial' as const }),
    ...(o.readOnly && { readOnly: true }),
    ...(o.stay !== undefined && { ttl: { open: '60s', stay: o.stay } }),
  }
  return await createOnce(session, proxmoxVMConsoles, { apiVersion, kind: 'ProxmoxVMConsole', metadata: { namespace, name }, spec })
}
