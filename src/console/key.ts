/** The key of a console and the URL that carries it: in the fragment, which a browser sends to nobody. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Where a page finds its console. The key opens it once. */
export interface ConsoleLink {
  readonly namespace: string
  readonly name: string
  readonly key: string
}

/** 256 bits, as they are put into a URL. */
export const keyBytes = 32
const keyPattern = /^[A-Za-z0-9_-]{43}$/
const namePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** `https://console.example.com/#customer-7/shop-1/KEY`. */
export function linkOf(base: string, { namespace, name, key }: ConsoleLink): string {
  return `${base.replace(/\/+$/, '')}/#${namespace}/${name}/${key}`
}

/** What stands behind the `#`; undefined: it is not a link of ours. */
export function parseLink(fragment: string): ConsoleLink | undefined {
  const [namespace = '', name = '', key = '', ...more] = fragment.replace(/^#/, '').split('/')
  return more.length === 0 && namePattern.test(namespace) && namePattern.test(name) && keyPattern.test(key)
    ? { namespace, name, key }
    : undefined
}

/** SHA-256 in hexadecimal digits: all that is kept of a key outside its Secret. */
export const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex')

/** Whether the key has that hash. */
export function fits(key: string, hash: string | undefined): boolean {
  const own = Buffer.from(hashOf(key))
  const wanted = Buffer.from(hash ?? '')
  return own.length === wanted.length && timingSafeEqual(own, wanted)
}
