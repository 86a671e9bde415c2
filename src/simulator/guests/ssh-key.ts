/** Public keys judged as PVE judges them: each line goes through `ssh-keygen -l` of OpenSSH 10 (PVE::Tools validate_ssh_public_keys). */
import { createPublicKey } from 'node:crypto'

/** A key of fewer bits is refused (SSH_RSA_MINIMUM_MODULUS_SIZE). */
const leastRsaBits = 1024
const ed25519Bytes = 32

/** The length-prefixed fields of a key blob, or undefined when they do not fill it exactly. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = []
  let at = 0
  while (at < blob.length) {
    if (at + 4 > blob.length) return undefined
    const end = at + 4 + blob.readUInt32BE(at)
    if (end > blob.length) return undefined
    fields.push(blob.subarray(at + 4, end))
    at = end
  }
  return fields
}

function isPoint(curve: string, point: Buffer | undefined): boolean {
  const size = { nistp256: 32, nistp384: 48, nistp521: 66 }[curve]
  if (size === undefined || point?.[0] !== 4 || point.length !== 1 + 2 * size) return false
  const [x, y] = [point.subarray(1, 1 + size).toString('base64url'), point.subarray(1 + size).toString('base64url')]
  try {
    createPublicKey({ key: { kty: 'EC', crv: curve.replace('nistp', 'P-'), x, y }, format: 'jwk' })
    return true
  } catch {
    return false
  }
}

function bitsOf(number: Buffer | undefined): number {
  const text = number?.toString('hex').replace(/^0+/, '') ?? ''
  return text === '' ? 0 : (text.length - 1) * 4 + Number.parseInt(text[0] ?? '0', 16).toString(2).length
}

/** What comes after the type, by type; DSA has been taken out of OpenSSH 10. */
const isWellFormed: Readonly<Record<string, (fields: readonly Buffer[]) => boolean>> = {
  'ssh-rsa': ([e, n, ...rest]) => rest.length === 0 && bitsOf(e) > 0 && bitsOf(n) >= leastRsaBits,
  'ssh-ed25519': ([key, ...rest]) => rest.length === 0 && key?.length === ed25519Bytes,
  'ecdsa-sha2-nistp256': ([curve, point, ...rest]) => rest.length === 0 && curve?.toString() === 'nistp256' && isPoint('nistp256', point),
  'ecdsa-sha2-nistp384': ([curve, point, ...rest]) => rest.length === 0 && curve?.toString() === 'nistp384' && isPoint('nistp384', point),
  'ecdsa-sha2-nistp521': ([curve, point, ...rest]) => rest.length === 0 && curve?.toString() === 'nistp521' && isPoint('nistp521', point),
  'sk-ssh-ed25519@openssh.com': ([key, application, ...rest]) =>
    rest.length === 0 && key?.length === ed25519Bytes && application !== undefined,
  'sk-ecdsa-sha2-nistp256@openssh.com': ([curve, point, application, ...rest]) =>
    rest.length === 0 && curve?.toString() === 'nistp256' && isPoint('nistp256', point) && application !== undefined,
}

/** `TYPE BLOB` at the beginning of a text; certificates are taken as they are. */
function isKey(text: string): boolean {
  const [, type = '', encoded = ''] = /^(\S+)[ \t]+(\S+)/.exec(text) ?? []
  if (!/^(?:[A-Za-z0-9+/]{4})+$/.test(encoded.replace(/={1,2}$/, (pad) => 'A'.repeat(pad.length)))) return false
  const [name, ...fields] = fieldsOf(Buffer.from(encoded, 'base64')) ?? []
  if (name?.toString() !== type) return false
  if (type.endsWith('-cert-v01@openssh.com')) return true
  return isWellFormed[type]?.(fields) ?? false
}

/** Without the options or the host name that may stand before a key. */
function afterFirstWord(line: string): string {
  return line.replace(/^(?:\\"|"(?:\\"|[^"])*"|[^\s"])*[ \t]+/, '')
}

/** Whether one line is a public key; a comment is none. */
export function isPublicKey(line: string): boolean {
  const text = line.trimStart()
  if (text === '' || text.startsWith('#')) return false
  return isKey(text) || isKey(afterFirstWord(text))
}
