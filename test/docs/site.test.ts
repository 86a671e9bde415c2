/** The site of docs/, built with its pinned packages: every page, picture and diagram is in it, and every link leads somewhere. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { launchChromium } from '../console/chromium.ts'
import { keptFiles, readText, root } from '../house/sources.ts'
import { type BuiltPage, deadLinks, readSite, serveSite } from './built-site.ts'
import { withoutSitePackages } from './site-packages.ts'

const run = promisify(execFile)
const reason = await withoutSitePackages()
if (reason !== undefined) process.stderr.write(`skipped: the site of docs/ is not built. Its packages are missing: ${reason}\n`)
const siteSuite = reason === undefined ? describe : describe.skip

const sources = keptFiles().filter((path) => path.startsWith('docs/') && path.endsWith('.md'))
const addressOf = (path: string): string => path.replace(/^docs/, '').replace(/(?:index)?\.md$/, '')
const diagramsOf = (path: string): string[] => [...readText(path).matchAll(/^```mermaid$/gm)].map(String)
const withDiagrams = sources.filter((path) => diagramsOf(path).length > 0)

siteSuite('the site', () => {
  let folder: string
  let pages: Map<string, BuiltPage>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pve-docs-'))
    const program = join(root, 'docs/.vitepress/node_modules/vitepress/bin/vitepress.js')
    const { DOCS_BASE: _base, REPOSITORY_URL: _url, ...env } = process.env
    await run(process.execPath, [program, 'build', 'docs', '--outDir', folder], {
      cwd: root,
      env: { ...env, NODE_OPTIONS: '', NODE_PATH: '' },
    })
    pages = readSite(folder)
  }, 600_000)
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('has every page', () => {
    expect(sources.map(addressOf).filter((address) => !pages.has(address))).toEqual([])
    expect([...pages.keys()].toSorted()).toEqual([...sources.map(addressOf), '/404'].toSorted())
  })

  it('does not show what its pages tell the tests', () => {
    expect(pages.get('/guide/tutorial')?.html).not.toContain('&lt;!-- run')
  })

  it('has every picture of its pages', () => {
    const pictures = (path: string): number => [...readText(path).matchAll(/!\[[^\]]*\]\([^)]+\)/g)].length
    // Vite writes small ones into the page.
    const shown = (path: string): number =>
      (pages.get(addressOf(path))?.leads ?? []).filter((lead) => /^data:image\/|^\/assets\/.*\.(?:png|svg)$/.test(lead)).length
    expect(sources.map((path) => [path, shown(path)])).toEqual(sources.map((path) => [path, pictures(path)]))
    expect(sources.reduce((sum, path) => sum + shown(path), 0)).toBeGreaterThan(10)
  })

  it('has no link, picture or style sheet that leads nowhere, headings of pages included', () => {
    expect(deadLinks(folder, pages)).toEqual([])
  })

  it('draws every diagram in a browser', async () => {
    const browser = await launchChromium()
    if (typeof browser === 'string') {
      process.stderr.write(`not tested: the diagrams of the site are drawn. ${browser}\n`)
      return
    }
    const { server, url } = await serveSite(folder)
    try {
      for (const path of withDiagrams) {
        const page = await browser.newPage()
        await page.goto(`${url}${addressOf(path)}`)
        const diagrams = page.locator('.diagram svg')
        await diagrams.nth(diagramsOf(path).length - 1).waitFor({ timeout: 60_000 })
        const kinds = await Promise.all((await diagrams.all()).map((diagram) => diagram.getAttribute('aria-roledescription')))
        expect([path, kinds]).toEqual([path, diagramsOf(path).map(() => expect.stringMatching(/^(?!error$)./))])
      }
    } finally {
      await browser.close()
      server.close()
    }
  })
})
