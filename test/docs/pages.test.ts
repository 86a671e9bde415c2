/** The pages of docs/ as people read them: every link leads somewhere, every page can be found, every reason is one the operator says. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { reasons } from '../../src/api/reasons.ts'
import { keptFiles, readText, root } from '../house/sources.ts'

const pages = keptFiles().filter((path) => path.endsWith('.md'))
const docs = pages.filter((path) => path.startsWith('docs/') && !path.startsWith('docs/adr/'))

/** As GitHub makes them of headings. */
const anchorsOf = (path: string): Set<string> =>
  new Set(
    [...withoutBlocks(path).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

const withoutBlocks = (path: string): string => readText(path).replaceAll(/^ *```[^]*?^ *```$/gm, '')

interface SidebarGroup {
  items: { text: string; link: string }[]
}

describe('the pages', () => {
  it('link to headings that are there', () => {
    const dead = pages.flatMap((path) =>
      [...withoutBlocks(path).matchAll(/\]\(([^)\s#]*)#([^)\s]+)\)/g)].flatMap(([, file = '', anchor = '']) => {
        if (/^[a-z]+:/.test(file)) return []
        const target = file === '' ? path : join(dirname(path), file)
        return target.endsWith('.md') && existsSync(join(root, target)) && !anchorsOf(target).has(anchor)
          ? [`${path}: ${file}#${anchor}`]
          : []
      }),
    )
    expect(dead).toEqual([])
  })

  it('are all in the sidebar of the site, and nothing else is', async () => {
    const { sidebar } = (await import(join(root, 'docs/.vitepress/sidebar.mjs'))) as { sidebar: SidebarGroup[] }
    const listed = sidebar.flatMap(({ items }) => items.map(({ link }) => `docs${link}.md`))
    expect(listed.filter((path) => path !== 'docs/adr/README.md').toSorted()).toEqual(
      docs.filter((path) => path !== 'docs/index.md').toSorted(),
    )
  })

  it('name only reasons the operator says, where they tell what to do', () => {
    const told = [...readText('docs/guide/troubleshooting.md').matchAll(/^\|[^|]*\|/gm)].flatMap(([cell]) =>
      [...cell.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, word = '']) => word),
    )
    expect(told.length).toBeGreaterThan(10)
    expect(told.filter((word) => !(word in reasons) && word !== 'Unknown')).toEqual([])
  })

  it('draw the four pictures of the concepts', () => {
    expect([...readText('docs/guide/concepts.md').matchAll(/^```mermaid$/gm)]).toHaveLength(4)
  })
})
