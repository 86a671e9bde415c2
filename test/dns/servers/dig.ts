import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { DnsPackages } from '../../../src/demo/dns/debian.ts'

const run = promisify(execFile)

/** What dig says: an eye that is not ours. Answers with the values, sorted; none when there is nothing. */
export async function dig(packages: DnsPackages, port: number, name: string, type: string): Promise<string[]> {
  const { command, args } = packages.command('usr/bin/dig')
  const asked = ['@127.0.0.1', '-p', String(port), '+short', '+tries=1', '+time=3', `${name}.`, type]
  const { stdout } = await run(command, [...args, ...asked])
  if (stdout.includes(';;')) throw new Error(stdout.trim())
  return stdout.split('\n').filter(Boolean).toSorted()
}
