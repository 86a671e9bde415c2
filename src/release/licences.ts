/** The npm packages that are shipped, and the texts of their licences. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Lock {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; devOptional?: boolean }>
}

export interface ShippedPackage {
  readonly name: string
  readonly version: string
  /** An SPDX expression, where the package has one. */
  readonly licence?: string | undefined
  /** Its folder, below the repository. */
  readonly path: string
}

/** What is not only for development, in the order of the lock file. */
export function shippedPackages(home: string): ShippedPackage[] {
  const { packages } = JSON.parse(readFileSync(join(home, 'package-lock.json'), 'utf8')) as Lock
  const shipped = Object.entries(packages).filter(([path, p]) => path !== '' && !p.dev && !p.devOptional && existsSync(join(home, path)))
  return shipped.map(([path, { version = '', license: licence }]) => ({
    name: path.replace(/^.*node_modules\//, ''),
    version,
    licence,
    path,
  }))
}

/** The licences of everything that is bundled, as they ask to be passed on; in the order of the lock file. */
export function licenceTexts(home: string): string {
  const texts = shippedPackages(home).map(
    ({ name, version, licence, path }) =>
      `${'='.repeat(100)}\n${name} ${version} (${licence ?? 'see below'})\n\n${textIn(join(home, path))}`,
  )
  const node = readFileSync(join(home, 'node_modules', `node-${process.platform}-${process.arch}`, 'LICENSE'), 'utf8')
  return [...texts, `${'='.repeat(100)}\nNode.js ${process.versions.node}\n\n${node}`].join('\n')
}

function textIn(folder: string): string {
  const files = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name))
  return files.length > 0
    ? files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
    : 'Its package carries no text of the licence.\n'
}
