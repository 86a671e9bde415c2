/** What the broker answers to plain requests: the page, and nothing else. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** The page's files, by path. */
export interface PageFiles {
  /** With `__NONCE__` where the nonce of styles goes. */
  readonly html: string
  readonly files: ReadonlyMap<string, { readonly type: string; readonly body: Buffer }>
}

const common = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}

/** Nothing from elsewhere, nothing inline but the styles that the terminal makes, and no frame around it. */
const policy = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/** GET and HEAD of the page and its files; `nonce` is asked once an answer. */
export function answerPage(
  page: PageFiles,
  o: { isTls: boolean; nonce: () => string },
): (request: IncomingMessage, response: ServerResponse) => void {
  const tags = new Map(
    [...page.files].map(([path, { body }]) => [path, `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`]),
  )
  const transport = o.isTls ? { 'strict-transport-security': 'max-age=31536000' } : {}
  return (request, response) => {
    const path = (request.url ?? '/').replace(/[?#].*$/, '')
    const send = (status: number, headers: Record<string, string>, body: string | Buffer): void => {
      response.writeHead(status, { ...common, ...transport, ...headers, 'content-length': Buffer.byteLength(body) })
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    const text = {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'",
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, text, 'GET and HEAD only\n')
    if (path === '/') {
      const nonce = o.nonce()
      const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'content-security-policy': policy(nonce) }
      return send(200, headers, page.html.replaceAll('__NONCE__', nonce))
    }
    const file = page.files.get(path)
    const etag = tags.get(path)
    if (!file || !etag) return send(404, text, 'there is nothing here\n')
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, { ...common, etag })
      response.end()
      return
    }
    return send(
      200,
      { 'content-type': file.type, 'cache-control': 'no-cache', etag, 'content-security-policy': "default-src 'none'" },
      file.body,
    )
  }
}
