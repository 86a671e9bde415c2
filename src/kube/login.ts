/** Who we are to the API server and whom we trust: read from a kubeconfig, and again when the files behind it change. */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { KubeConfig } from '@kubernetes/client-node'

/** PEM; what is absent is not used. */
export interface TlsMaterial {
  readonly ca?: string
  /** Client certificate and key. */
  readonly cert?: string
  readonly key?: string
}

export interface LoginOptions {
  /** Makes the kubeconfig from what was parsed. A new one has forgotten what its exec plugins answered. */
  readonly config: () => KubeConfig
  /** The file that holds the token; client-node reads such a file once, or not at all. */
  readonly tokenFile?: string
}

type Login = Parameters<KubeConfig['applyToHTTPSOptions']>[0]

/** Bound ServiceAccount tokens change every hour and the old one lives on for minutes; client-go reads the file every minute, too. */
const loginLifeMs = 60_000
/** Whoever rotates a certificate authority does it while the old one is still good, but an expired one is noticed at once. */
const filesLifeMs = 5_000

/** Reads everything again once it has aged, or when what is known was refused. */
export class KubeLogin {
  readonly #o: LoginOptions
  #config: KubeConfig
  #tls: { material: TlsMaterial; readAtMs: number } | undefined
  #header: { value: string | undefined; readAtMs: number } | undefined

  constructor(o: LoginOptions) {
    this.#o = o
    this.#config = o.config()
  }

  /**
   * The certificates as they are in the files now, at most five seconds old. While they cannot be read or do not fit together, as in the
   * middle of a rotation, the last good ones stay. Throws only when there never were any.
   */
  async tls({ fresh }: { fresh: boolean }): Promise<TlsMaterial> {
    const nowMs = performance.now()
    if (this.#tls && !fresh && nowMs - this.#tls.readAtMs < filesLifeMs) return this.#tls.material
    try {
      this.#tls = { material: checked(materialOf(await this.#login())), readAtMs: nowMs }
    } catch (fault) {
      if (!this.#tls) throw fault
      this.#tls.readAtMs = nowMs
    }
    return this.#tls.material
  }

  /** The Authorization header. `fresh` after a 401: whatever is cached was refused. */
  async authorization({ fresh }: { fresh: boolean }): Promise<string | undefined> {
    const nowMs = performance.now()
    if (!fresh && this.#header && nowMs - this.#header.readAtMs < loginLifeMs) return this.#header.value
    this.#header = { value: await this.#readHeader(fresh), readAtMs: nowMs }
    return this.#header.value
  }

  async #readHeader(fresh: boolean): Promise<string | undefined> {
    if (this.#o.tokenFile !== undefined) return `Bearer ${(await readFile(this.#o.tokenFile, 'utf8')).trim()}`
    if (fresh) this.#config = this.#o.config()
    const login = await this.#login()
    const header = new Headers(login.headers as Record<string, string>).get('authorization') ?? undefined
    const basic = 'auth' in login ? login.auth : undefined
    return header ?? (basic ? `Basic ${Buffer.from(basic).toString('base64')}` : undefined)
  }

  async #login(): Promise<Login> {
    const login: Login = {}
    await this.#config.applyToHTTPSOptions(login)
    return login
  }
}

/** PEM as it was read, text or bytes; the passphrases that Node also takes do not come from kubeconfigs. */
const textOf = (key: NonNullable<Login['key']>): string =>
  Buffer.isBuffer(key) ? key.toString('utf8') : typeof key === 'string' ? key : ''

function materialOf({ ca, cert, key }: Login): TlsMaterial {
  return { ...(ca && { ca: String(ca) }), ...(cert && { cert: String(cert) }), ...(key && { key: textOf(key) }) }
}

/** Throws for a key of another certificate and for what is not PEM, such as a file that is half written. */
function checked(material: TlsMaterial): TlsMaterial {
  createSecureContext(material)
  if (material.ca !== undefined && !material.ca.includes('-----END CERTIFICATE-----')) throw new Error('the CA file holds no certificate')
  return material
}
