/** The site of docs/: `make docs` builds it into dist/docs. The pages are the same files that are read on GitHub. */
import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { withMermaid } from 'vitepress-plugin-mermaid'
import { sidebar } from './sidebar.mjs'

const docs = resolve(import.meta.dirname, '..')
const home = resolve(docs, '..')
/** Where the repository is read, such as https://github.com/OWNER/pve-operator/blob/main; absent: links out of docs/ become plain text. */
const { REPOSITORY_URL } = process.env

export default withMermaid({
  title: 'pve-operator',
  description: 'Virtual servers on Proxmox VE, declared in Kubernetes',
  base: process.env.DOCS_BASE ?? '/',
  outDir: join(home, 'dist/docs'),
  cacheDir: join(home, 'dist/docs-cache'),
  cleanUrls: true,
  lastUpdated: false,
  // a page that is not there ends the build
  ignoreDeadLinks: false,
  markdown: { anchor: { slugify: anchorOf }, config: (md) => md.use(linksOutOfDocs).use(plainText) },
  // not "mermaid": on the load event the library draws every element of that class itself, and an error into those that are drawn
  mermaidPlugin: { class: 'diagram' },
  vite: { build: { chunkSizeWarningLimit: 4000 }, esbuild: { tsconfigRaw: '{}' } },
  themeConfig: {
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    nav: [
      { text: 'Tutorial', link: '/guide/tutorial' },
      { text: 'Troubleshooting', link: '/guide/troubleshooting' },
      { text: 'Reasons', link: '/reasons' },
    ],
  },
})

/** As GitHub makes them, where the same links must work. */
function anchorOf(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}

/** Sources, manifests and tests that pages link to are not part of the site. */
function linksOutOfDocs(md) {
  md.core.ruler.push('links-out-of-docs', ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null
      if (!href || /^(?:[a-z]+:|#|\/)/.test(href)) continue
      const file = resolve(docs, dirname(env.relativePath), href.replace(/#.*/, ''))
      if (!relative(docs, file).startsWith('..') || !existsSync(file)) continue
      if (REPOSITORY_URL) token.attrSet('href', `${REPOSITORY_URL}/${relative(home, file)}`)
      else token.attrs = [['title', relative(home, file)]]
    }
  })
}

/** Pages are plain Markdown: what looks like an element or an expression of Vue is text. Comments say what a test does with a block. */
function plainText(md) {
  const shown = (tokens, at) => (tokens[at].content.trimStart().startsWith('<!--') ? '' : md.utils.escapeHtml(tokens[at].content))
  md.renderer.rules.html_block = shown
  md.renderer.rules.html_inline = shown
  md.renderer.rules.text = (tokens, at) => md.utils.escapeHtml(tokens[at].content).replaceAll('{{', '&#123;&#123;')
}
