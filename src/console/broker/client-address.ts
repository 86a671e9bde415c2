/** From which address a request comes, behind proxies that are trusted to say so. */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'

/** `10.0.0.0/8` or an address; throws a sentence. */
export function trustedProxies(list: readonly string[]): BlockList {
  const trusted = new BlockList()
  for (const entry of list) {
    const [address = '', prefix] = entry.split('/')
    const length = prefix === undefined ? undefined : Number(prefix)
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    const isGood = isIP(address) !== 0 && (length === undefined || (/^\d+$/.test(prefix ?? '') && length <= (family === 'ipv6' ? 128 : 32)))
    if (!isGood) throw new Error(`"${entry}" is not a proxy to trust: write an address or a network, such as 10.0.0.0/8`)
    if (length === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, length, family)
  }
  return trusted
}

/** The last address of the chain that no trusted proxy vouches for. */
export function clientAddress(request: IncomingMessage, trusted: BlockList): string {
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  let address = plain(request.socket.remoteAddress ?? '')
  const chain = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((part) => plain(part.trim()))
  while (isTrusted(address) && isIP(chain.at(-1) ?? '') !== 0) address = chain.pop() ?? address
  return address
}

/** `::ffff:192.0.2.1` → `192.0.2.1`. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')
