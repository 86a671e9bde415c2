import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Lock {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; devOptional?: boolean }>
}

/** The licences of everything that is bundled, as they ask to be passed on; in the order of the lock file. */
export function licenceTexts(home: string): string {
  const { packages } = JSON.parse(readFileSync(join(home, 'package-lock.json'), 'utf8')) as Lock
  const shipped = Object.entries(packages).filter(([path, p]) => path !== '' && !p.dev && !p.devOptional && existsSync(join(home, path)))
  const texts = shipped.map(([path, p]) => {
    const name = path.replace(/^.*node_modules\//, '')
    return `${'='.repeat(100)}\n${name} ${p.version ?? ''} (${p.license ?? 'see below'})\n\n${textIn(join(home, path))}`
  })
  const node = readFileSync(join(home, 'node_modules', `node-${process.platform}-${process.arch}`, 'LICENSE'), 'utf8')
  return [...texts, `${'='.repeat(100)}\nNode.js ${process.versions.node}\n\n${node}`].join('\n')
}

function textIn(folder: string): string {
  const files = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name))
  return files.length > 0
    ? files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n')
    : 'Its package carries no text of the licence.\n'
}
