/** Reads the page that was made by `makeConsolePage`. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { PageFiles } from './answers.ts'

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** `index.html` and what it names. Throws when the folder is not there. */
export function readPage(folder: string): PageFiles {
  const names = readdirSync(folder).filter((name) => extname(name) in types)
  const files = names.map((name) => [`/${name}`, { type: types[extname(name)] ?? '', body: readFileSync(join(folder, name)) }] as const)
  return { html: readFileSync(join(folder, 'index.html'), 'utf8'), files: new Map(files) }
}
