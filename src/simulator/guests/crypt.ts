import { createHash } from 'node:crypto'

/** A stand-in for crypt(3) SHA-256 (`$5$salt$…`): the shape is right, the digest is a plain one, nobody logs in with it. */
export function crypt5(password: string, salt: string): string {
  const digest = createHash('sha256').update(`${salt}:${password}`).digest('base64').replaceAll('+', '.').replaceAll('=', '').slice(0, 43)
  return `$5$${salt}$${digest}`
}
