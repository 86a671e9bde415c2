/** The built site as a browser gets it: its pages, and what they lead to. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { extname, join, posix } from 'node:path'

export interface BuiltPage {
  /** Its address: `/guide/concepts`. */
  readonly path: string
  readonly html: string
  /** `href` and `src` of everything in it. */
  readonly leads: readonly string[]
  readonly anchors: ReadonlySet<string>
}

export function readSite(folder: string): Map<string, BuiltPage> {
  const pages = globSync('**/*.html', { cwd: folder }).map((file): BuiltPage => {
    const html = readFileSync(join(folder, file), 'utf8')
    return {
      path: `/${file.replace(/\.html$/, '').replace(/(?:^|(?<=\/))index$/, '')}`,
      html,
      leads: attributes(html, 'href|src'),
      anchors: new Set(attributes(html, 'id')),
    }
  })
  return new Map(pages.map((page) => [page.path, page]))
}

/** `/guide/concepts: /whmcs#stock` for each link into the site that leads nowhere. */
export function deadLinks(folder: string, pages: ReadonlyMap<string, BuiltPage>): string[] {
  return [...pages.values()].flatMap(({ path, leads }) =>
    leads.filter((lead) => !/^[a-z]+:/.test(lead) && !isThere(folder, pages, path, lead)).map((lead) => `${path}: ${lead}`),
  )
}

function isThere(folder: string, pages: ReadonlyMap<string, BuiltPage>, from: string, lead: string): boolean {
  const [file = '', anchor = ''] = lead.split('#')
  const target = file === '' ? from : posix.resolve(posix.dirname(from), decodeURI(file)) + (/[^/]\/$/.test(file) ? '/' : '')
  const page = pages.get(target)
  if (!page) return anchor === '' && extname(target) !== '' && existsSync(join(folder, target))
  return anchor === '' || page.anchors.has(decodeURIComponent(anchor))
}

/** Of every element in the text of a page; its scripts are none of them. */
const attributes = (html: string, names: string): string[] =>
  [...html.replaceAll(/<script\b[^]*?<\/script>/g, '').matchAll(/<[a-z][^>]*>/gi)].flatMap(([element]) =>
    [...element.matchAll(new RegExp(`\\s(?:${names})="([^"]*)"`, 'g'))].map(([, value = '']) => value.replaceAll('&amp;', '&')),
  )

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

/** Serves the folder on a free port of 127.0.0.1, page `/a` from `a.html`. */
export async function serveSite(folder: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const path = posix.normalize(decodeURI(new URL(request.url ?? '/', 'http://site').pathname))
    const file = [path, `${path}.html`, `${path}/index.html`]
      .map((name) => join(folder, name))
      .find((name) => extname(name) && existsSync(name))
    if (file === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return { server, url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` }
}
