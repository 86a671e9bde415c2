import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { KubeObject } from '../api/meta.ts'
import { type DnsPackages, dnsPackages } from '../local-stack/dns-packages.ts'
import { type RunningPowerDns, startPowerDns } from '../local-stack/powerdns.ts'

const run = promisify(execFile)

/** The zones of the example VMs, and where the addresses of the example pools lead back. */
const zones = {
  'vps-example-com': 'vps.example.com',
  'reverse-v4': '113.0.203.in-addr.arpa',
  'reverse-v6': 'a.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
}

/** A real PowerDNS beside the demo (`make demo DNS=1`), with DNSZones for it. */
export class DemoDns {
  readonly #packages: DnsPackages
  readonly #server: RunningPowerDns

  private constructor(packages: DnsPackages, server: RunningPowerDns) {
    this.#packages = packages
    this.#server = server
  }

  /** Answers with a sentence where Debian's packages cannot be had. */
  static async start(dir: string): Promise<DemoDns | string> {
    const packages = await dnsPackages()
    if (typeof packages === 'string') return packages
    return new DemoDns(packages, await startPowerDns({ packages, dir: join(dir, 'powerdns'), zones: Object.values(zones) }))
  }

  get port(): number {
    return this.#server.port
  }

  /** The Secret with the key, and one DNSZone for each zone. */
  objects(): KubeObject[] {
    const apiVersion = 'pve.hosting/v1alpha1'
    const secret = { namespace: 'pve-system', name: 'powerdns' }
    const key: KubeObject & { stringData: object } = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: secret,
      stringData: { 'api-key': this.#server.apiKey },
    }
    const powerDNS = { url: this.#server.url, apiKeySecretRef: { ...secret, key: 'api-key' } }
    const objects = Object.entries(zones).map(([name, zone]): KubeObject & { spec: object } => ({
      apiVersion,
      kind: 'DNSZone',
      metadata: { name },
      spec: { zone, powerDNS },
    }))
    return [key, ...objects]
  }

  /** What dig says about a name or, with `-x`, about an address. */
  async dig(...asked: readonly string[]): Promise<string> {
    const { command, args } = this.#packages.command('usr/bin/dig')
    const { stdout } = await run(command, [...args, '@127.0.0.1', '-p', String(this.port), '+noall', '+answer', ...asked])
    return stdout.trim()
  }

  stop(): Promise<void> {
    return this.#server.stop()
  }
}
