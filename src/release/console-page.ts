/** The page of consoles as files for browsers: noVNC and xterm.js are bundled into it, nothing is loaded from elsewhere. */
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

const source = join(import.meta.dirname, '../console-page')
const packages = join(import.meta.dirname, '../../node_modules')

/** Makes the page in `folder`, by default one of this machine's temporary files, and answers where it is. */
export async function makeConsolePage(folder = join(tmpdir(), `pve-operator-console-page-${process.getuid?.() ?? 0}`)): Promise<string> {
  const part = `${folder}.${process.pid}`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  await build({
    entryPoints: { page: join(source, 'page.ts') },
    outdir: part,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: ['chrome115', 'firefox115', 'safari16.4'],
    splitting: true,
    minify: true,
    legalComments: 'linked',
    logLevel: 'warning',
    chunkNames: '[name]-[hash]',
  })
  const css = ['page.css', 'bar.css'].map((name) => readFileSync(join(source, name), 'utf8'))
  writeFileSync(join(part, 'style.css'), [readFileSync(join(packages, '@xterm/xterm/css/xterm.css'), 'utf8'), ...css].join('\n'))
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(source, name), join(part, name))
  const licences = ['@novnc/novnc/LICENSE.txt', '@xterm/xterm/LICENSE'].map((name) => readFileSync(join(packages, name), 'utf8'))
  writeFileSync(join(part, 'licences.txt'), licences.join(`\n${'='.repeat(80)}\n`))
  rmSync(folder, { recursive: true, force: true })
  renameSync(part, folder)
  return folder
}
