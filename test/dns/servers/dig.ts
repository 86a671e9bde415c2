import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { DnsPackages } from '../../../src/local-stack/dns-packages.ts'
import { canonicalAddress } from '../../../src/dns/reverse.ts'

const run = promisify(execFile)

export interface Dig {
  /** What the server answers, sorted; none when there is nothing. Addresses canonical, names without final dot, TXT in quotes. */
  values(name: string, type: string): Promise<string[]>
  /** Every record of the zone but the SOA, as `name ttl IN type value`, sorted. */
  transfer(zone: string): Promise<string[]>
}

/** dig: an eye that is not ours. */
export function digAt(packages: DnsPackages, port: number, key?: string): Dig {
  const { command, args } = packages.command('usr/bin/dig')
  const dig = async (...more: string[]): Promise<string[]> => {
    const { stdout } = await run(command, [...args, '@127.0.0.1', '-p', String(port), '+tries=1', '+time=3', ...more])
    if (/no servers could be reached|Transfer failed|timed out/.test(stdout)) throw new Error(stdout.trim())
    return stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'))
  }
  const tidy = (value: string): string => canonicalAddress(value) ?? value.replace(/\.$/, '').toLowerCase()
  return {
    values: async (name, type) => (await dig('+short', `${name}.`, type)).map(tidy).toSorted(),
    transfer: async (zone) => {
      const lines = await dig('+noall', '+answer', ...(key === undefined ? [] : ['-y', key]), `${zone}.`, 'AXFR')
      const records = lines.map((line) => line.replace(/\s+/g, ' ')).filter((line) => !/ IN SOA /.test(line))
      return records.toSorted()
    },
  }
}
