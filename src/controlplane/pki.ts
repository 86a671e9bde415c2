import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The secrets of one control plane. kube-apiserver makes its own serving certificate and CA (`--cert-dir`), and people are known by a
 * static token: so neither openssl nor own X.509 code is needed. Other identities than the admin's are had by impersonation or by
 * ServiceAccount tokens, both of which RBAC judges like a login.
 */
export interface Pki {
  dir: string
  serviceAccountKey: string
  tokens: string
  adminToken: string
}

/** A user, and the groups RBAC sees it in. */
export interface Identity {
  user: string
  groups: readonly string[]
}

const renewWithinMs = 30 * 24 * 3_600_000

/** Makes what is missing in `dir` and keeps what is there, so that kubeconfigs stay valid over restarts. */
export async function ensurePki(dir: string, nowMs: number): Promise<Pki> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const pki = { dir, serviceAccountKey: join(dir, 'sa.key'), tokens: join(dir, 'tokens.csv') }
  await createOnce(pki.serviceAccountKey, () =>
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  )
  await createOnce(pki.tokens, () => `${randomBytes(24).toString('base64url')},admin,admin,"system:masters"\n`)
  await dropExpiring(join(dir, 'apiserver.crt'), join(dir, 'apiserver.key'), nowMs)
  const adminToken = (await readFile(pki.tokens, 'utf8')).split(',')[0]
  if (!adminToken) throw new Error(`${pki.tokens} holds no token`)
  return { ...pki, adminToken }
}

/** The serving certificate with the CA that signed it: kube-apiserver writes both into one file. */
export const servingCa = (pki: Pki): Promise<string> => readFile(join(pki.dir, 'apiserver.crt'), 'utf8')

async function createOnce(path: string, content: () => string): Promise<void> {
  const there = await readFile(path, 'utf8').catch(() => '')
  if (there === '') await writeFile(path, content(), { mode: 0o600 })
}

/** kube-apiserver's own certificate lives a year and is not renewed by it while the file is there. */
async function dropExpiring(certificate: string, key: string, nowMs: number): Promise<void> {
  const pem = await readFile(certificate, 'utf8').catch(() => '')
  if (pem !== '' && Date.parse(new X509Certificate(pem).validTo) - nowMs > renewWithinMs) return
  await Promise.all([certificate, key].map((path) => rm(path, { force: true })))
}
