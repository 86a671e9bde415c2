import { join } from 'node:path'
import { supervise } from '../controlplane/supervised.ts'
import { type DnsPackages, libraryDir } from './dns-packages.ts'

/** How a DNS server is run: as a process here, or, in tests, in a container of its own. */
export interface DnsRunner {
  /** Where the folder with PowerDNS's backends is, as the server sees it. */
  modules(packages: DnsPackages): string
  /** Runs a program of the packages with `dir` at the same path for both, and the network of this machine. */
  start(o: {
    name: string
    program: string
    args: readonly string[]
    packages: DnsPackages
    dir: string
    logFile: string
  }): Promise<{ stop(): Promise<unknown> }>
}

export const asProcess: DnsRunner = {
  modules: ({ root }) => join(root, 'usr/lib', libraryDir, 'pdns'),
  start: ({ name, program, args, packages, dir, logFile }) => {
    const { command, args: first } = packages.command(program)
    return supervise({ name, command, args: [...first, ...args], cwd: dir, logFile })
  },
}
