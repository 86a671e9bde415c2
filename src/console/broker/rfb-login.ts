/** Both ends of the opening of VNC (RFC 6143, 7.1): the broker knows the password at PVE's end, and the page needs none. */
import { createCipheriv } from 'node:crypto'
import type { ByteReader } from './byte-reader.ts'

const version = 'RFB 003.008\n'
const securityTypes = { none: 1, vnc: 2 } as const

interface End {
  readonly reader: ByteReader
  readonly send: (bytes: Buffer) => void
}

/** Logs in at PVE's end, up to the point where the client says ClientInit. Throws with the server's words. */
export async function logIn({ reader, send }: End, password: string): Promise<void> {
  const said = (await reader.take(version.length)).toString('latin1')
  if (!/^RFB 00[34]\.\d{3}\n$/.test(said)) throw new Error('the other side does not speak VNC')
  send(Buffer.from(version))
  const types = await reader.take((await reader.take(1)).readUInt8())
  if (types.length === 0) throw new Error(await words(reader))
  const type = [securityTypes.vnc, securityTypes.none].find((one) => types.includes(one))
  if (type === undefined) throw new Error(`the other side offers only the security types ${[...types].join(', ')}`)
  send(Buffer.from([type]))
  if (type === securityTypes.vnc) send(answerTo(await reader.take(16), password))
  if ((await reader.take(4)).readUInt32BE() !== 0) throw new Error(await words(reader))
}

/** Lets the page in without a password: who it is was judged before. Ends with its ClientInit. */
export async function letIn({ reader, send }: End): Promise<void> {
  send(Buffer.from(version))
  await reader.take(version.length)
  send(Buffer.from([1, securityTypes.none]))
  await reader.take(1)
  send(Buffer.from([0, 0, 0, 0]))
  await reader.take(1)
}

async function words(reader: ByteReader): Promise<string> {
  const length = (await reader.take(4)).readUInt32BE()
  return (await reader.take(Math.min(length, 1024))).toString('utf8')
}

/** DES under the password, whose bytes have their bits turned round (7.2.2). Three equal keys make 3DES plain DES, which OpenSSL 3 has no more. */
function answerTo(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8)
  Buffer.from(password).copy(key, 0, 0, 8)
  for (const [at, byte] of key.entries()) key[at] = turned(byte)
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null).setAutoPadding(false)
  return Buffer.concat([cipher.update(challenge), cipher.final()])
}

const turned = (byte: number): number =>
  Array.from({ length: 8 }, (_, bit) => ((byte >> bit) & 1) << (7 - bit)).reduce((sum, bit) => sum + bit, 0)
