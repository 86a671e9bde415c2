import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DnsPackages, dnsPackages } from '../../../src/local-stack/dns-packages.ts'
import { type RunningPowerDns, startPowerDns } from '../../../src/local-stack/powerdns.ts'
import { type RunningBind, startBind } from './bind.ts'
import { bestRunner } from './containers.ts'
import { type Dig, digAt } from './dig.ts'
import { zoneNames } from './zones.ts'

/** Debian's servers, or undefined after saying on the terminal why they are not here. */
export async function packagesOrReason(): Promise<DnsPackages | undefined> {
  const packages = await dnsPackages()
  if (typeof packages !== 'string') return packages
  process.stderr.write(`skipped, real DNS servers: ${packages}\n`)
  return undefined
}

export interface Servers {
  readonly bind: RunningBind
  readonly powerDns: RunningPowerDns
  readonly pdnsDig: Dig
  /** A stranger's record: pdnsutil writes to the database past the API, as an admin does. */
  pdnsByHand(zone: string, name: string, type: string, ttlSeconds: number, value: string): Promise<void>
  stop(): Promise<void>
}

/** Both servers with the same zones; the key of BIND is PowerDNS's too. */
export async function bindAndPowerDns(packages: DnsPackages): Promise<Servers> {
  const dir = await mkdtemp(join(tmpdir(), 'pve-operator-dns-'))
  const runner = await bestRunner(packages)
  const bind = await startBind({ packages, runner, dir: join(dir, 'bind'), zones: zoneNames })
  const powerDns = await startPowerDns({ packages, runner, dir: join(dir, 'pdns'), zones: zoneNames })
  await powerDns.util('import-tsig-key', 'pve-operator', 'hmac-sha256', bind.secret)
  for (const zone of zoneNames) await powerDns.util('set-meta', zone, 'TSIG-ALLOW-DNSUPDATE', 'pve-operator')
  return {
    bind,
    powerDns,
    pdnsDig: digAt(packages, powerDns.port),
    pdnsByHand: async (zone, name, type, ttlSeconds, value) => {
      await powerDns.util('add-record', zone, name.slice(0, -zone.length - 1), type, String(ttlSeconds), value)
    },
    stop: async () => {
      await Promise.all([bind.stop(), powerDns.stop()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}
