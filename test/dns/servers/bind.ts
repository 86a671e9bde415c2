import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { logTail } from '../../../src/controlplane/supervised.ts'
import type { DnsPackages } from '../../../src/local-stack/dns-packages.ts'
import { asProcess, type DnsRunner } from '../../../src/local-stack/dns-runner.ts'
import { requirePort } from '../../../src/local-stack/ports.ts'
import { until } from '../../support/until.ts'
import { type Dig, digAt } from './dig.ts'

const run = promisify(execFile)

export interface RunningBind {
  readonly port: number
  /** Base64, as in the configuration. */
  readonly secret: string
  readonly dig: Dig
  /** nsupdate with the admin's key, who may write everything. */
  readonly byHand: (zone: string, ...lines: string[]) => Promise<void>
  stop(): Promise<void>
}

export interface BindSetup {
  readonly packages: DnsPackages
  readonly dir: string
  readonly zones: readonly string[]
  readonly port?: number
  readonly secret?: string
  readonly runner?: DnsRunner
}

/** The operator's key may write its types and nothing else (docs/dns.md shows the same lines); `admin` may write everything. */
const configuration = (dir: string, zones: readonly string[], port: number, secret: string): string => `
options {
  directory "${dir}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file "${dir}/named.pid";
  session-keyfile "${dir}/session.key";
  lock-file none;
  recursion no;
  notify no;
  dnssec-validation no;
};
controls { };
key "pve-operator" { algorithm hmac-sha256; secret "${secret}"; };
key "pve-big" { algorithm hmac-sha512; secret "${secret}"; };
key "pve-few" { algorithm hmac-sha256; secret "${secret}"; };
key "admin" { algorithm hmac-sha256; secret "${secret}"; };
${zones
  .map(
    (zone) => `zone "${zone}" {
  type primary;
  file "${zone.replace('/', '_')}.zone";
  allow-transfer { key admin; };
  update-policy {
    grant pve-operator zonesub ${zone.endsWith('.arpa') ? 'PTR' : 'A AAAA'} TXT;
    grant pve-big zonesub ${zone.endsWith('.arpa') ? 'PTR' : 'A AAAA'} TXT;
    grant pve-few zonesub A;
    grant admin zonesub ANY;
  };
};`,
  )
  .join('\n')}
`

const emptyZone = `$TTL 300
@ IN SOA ns1.example.net. hostmaster.example.net. 1 3600 900 604800 300
@ IN NS ns1.example.net.
`

/** A BIND 9 of its own on 127.0.0.1. The zones of an earlier run in the same folder are kept. */
export async function startBind(setup: BindSetup): Promise<RunningBind> {
  const { dir, packages, runner = asProcess } = setup
  await mkdir(dir, { recursive: true })
  const port = setup.port ?? (await requirePort())
  const secret = setup.secret ?? randomBytes(32).toString('base64')
  await writeFile(join(dir, 'named.conf'), configuration(dir, setup.zones, port, secret))
  for (const zone of setup.zones)
    await writeFile(join(dir, `${zone.replace('/', '_')}.zone`), emptyZone, { flag: 'wx' }).catch(() => undefined)
  const logFile = join(dir, 'named.log')
  const args = ['-g', '-c', join(dir, 'named.conf')]
  const server = await runner.start({ name: 'named', program: 'usr/sbin/named', args, packages, dir, logFile })
  const first = setup.zones[0] ?? ''
  const eye = digAt(packages, port, `hmac-sha256:admin:${secret}`)
  const answers = async (): Promise<boolean> => (await eye.values(first, 'SOA')).length > 0
  await until('BIND answers', answers, { everyMs: 100 }).catch(async () => {
    throw new Error(`BIND did not start:\n${await logTail(logFile, 20)}`)
  })
  const byHand = async (zone: string, ...lines: string[]): Promise<void> => {
    const script = [`server 127.0.0.1 ${port}`, `zone ${zone}.`, ...lines.map((line) => `update ${line}`), 'send', ''].join('\n')
    const file = join(dir, `nsupdate-${randomBytes(4).toString('hex')}`)
    await writeFile(file, script)
    const tool = packages.command('usr/bin/nsupdate')
    await run(tool.command, [...tool.args, '-v', '-y', `hmac-sha256:admin:${secret}`, file])
  }
  return { port, secret, dig: eye, byHand, stop: async () => void (await server.stop()) }
}
