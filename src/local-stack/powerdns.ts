import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { logTail } from '../controlplane/supervised.ts'
import type { DnsPackages } from './dns-packages.ts'
import { asProcess, type DnsRunner } from './dns-runner.ts'
import { requirePort } from './ports.ts'

const run = promisify(execFile)

export interface RunningPowerDns {
  /** Root of the HTTP API. */
  readonly url: string
  readonly apiKey: string
  /** Where DNS itself is answered, on 127.0.0.1. */
  readonly port: number
  /** Runs pdnsutil on the server's database, as its admin would. */
  readonly util: (...args: string[]) => Promise<string>
  stop(): Promise<void>
}

export interface PowerDnsSetup {
  readonly packages: DnsPackages
  /** Made if it is not there; the database in it is kept, so a stopped server comes back with its zones. */
  readonly dir: string
  /** Names without final dot; what is there already stays. */
  readonly zones: readonly string[]
  /** Ports to come back to after a stop. */
  readonly ports?: { readonly dns: number; readonly api: number }
  readonly apiKey?: string
  /** A process, unless given. */
  readonly runner?: DnsRunner
}

/** A PowerDNS of its own on 127.0.0.1, with the HTTP API and DNS UPDATE on. Caches are off, so that what was written by hand shows at once. */
export async function startPowerDns(setup: PowerDnsSetup): Promise<RunningPowerDns> {
  const { dir, packages, runner = asProcess } = setup
  await mkdir(dir, { recursive: true })
  const apiKey = setup.apiKey ?? randomBytes(12).toString('hex')
  const ports = setup.ports ?? { dns: await requirePort(), api: await requirePort() }
  await writeFile(join(dir, 'pdns.conf'), configuration(dir, runner.modules(packages), apiKey, ports))
  // pdnsutil always runs here, where the server may not.
  await writeFile(join(dir, 'pdns-util.conf'), configuration(dir, asProcess.modules(packages), apiKey, ports))
  await createDatabase(join(dir, 'pdns.sqlite3'), packages)
  const util = async (...args: string[]): Promise<string> => {
    const { command, args: first } = packages.command('usr/bin/pdnsutil')
    return (await run(command, [...first, `--config-dir=${dir}`, '--config-name=util', ...args])).stdout
  }
  for (const zone of setup.zones)
    if (!(await util('list-all-zones')).split('\n').includes(zone)) await util('create-zone', zone, `ns1.example.net`)
  const logFile = join(dir, 'pdns.log')
  const server = await runner.start({
    name: 'pdns',
    program: 'usr/sbin/pdns_server',
    args: [`--config-dir=${dir}`],
    packages,
    dir,
    logFile,
  })
  const url = `http://127.0.0.1:${ports.api}`
  await answering(url, apiKey, async () => `PowerDNS did not start:\n${await logTail(logFile)}`)
  return { url, apiKey, port: ports.dns, util, stop: async () => void (await server.stop()) }
}

const configuration = (dir: string, modules: string, apiKey: string, ports: { dns: number; api: number }): string => `\
launch=gsqlite3
gsqlite3-database=${join(dir, 'pdns.sqlite3')}
module-dir=${modules}
socket-dir=${dir}
daemon=no
guardian=no
local-address=127.0.0.1
local-port=${ports.dns}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8
api=yes
api-key=${apiKey}
webserver=yes
webserver-address=127.0.0.1
webserver-port=${ports.api}
webserver-allow-from=127.0.0.0/8
`

async function createDatabase(path: string, packages: DnsPackages): Promise<void> {
  const schema = await readFile(join(packages.root, 'usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql'), 'utf8')
  const database = new DatabaseSync(path)
  const there = database.prepare("SELECT name FROM sqlite_master WHERE name = 'domains'").get()
  if (there === undefined) database.exec(schema)
  database.close()
}

async function answering(url: string, apiKey: string, complaint: () => Promise<string>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await fetch(`${url}/api/v1/servers/localhost`, { headers: { 'X-API-Key': apiKey } }).catch(() => undefined)
    if (answer?.status === 200) return
    await pause(100)
  }
  throw new Error(await complaint())
}
