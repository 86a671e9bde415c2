/** The Kubernetes API as far as a billing bridge needs it: read, create, apply, delete, follow one object. Needs `npm install undici`. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import type { VM } from './vm.ts'

export interface Access {
  /** `https://host:port` of the API server. */
  readonly server: string
  /** Asked for each request: in a pod the file is renewed, and the old token ends after an hour. */
  readonly token: () => string
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string
}

/** An answer that is not 2xx. `status` and `reason` are the API server's, the message is its sentence. */
export class Refused extends Error {
  readonly status: number
  readonly reason: string
  constructor(status: number, reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }

  /** The API server has no object of that name. The 404 of a proxy, or of a server without the kind, says nothing of the object. */
  get isNoSuchObject(): boolean {
    return this.status === 404 && this.reason === 'NotFound'
  }
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: T
}

const mountedAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/** From KUBE_SERVER, KUBE_TOKEN_FILE and KUBE_CA_FILE; inside a pod none of them is needed. */
export function accessFrom(environment: Readonly<Record<string, string | undefined>>): Access {
  const { KUBE_SERVER, KUBE_TOKEN_FILE = `${mountedAccount}/token`, KUBE_CA_FILE = `${mountedAccount}/ca.crt` } = environment
  return {
    server: KUBE_SERVER ?? 'https://kubernetes.default.svc',
    token: () => readFileSync(KUBE_TOKEN_FILE, 'utf8').trim(),
    ca: readFileSync(KUBE_CA_FILE, 'utf8'),
  }
}

export class ApiServer {
  readonly #access: Access
  readonly #agent: Agent

  constructor(access: Access) {
    this.#access = access
    this.#agent = new Agent({ connect: { ca: access.ca }, bodyTimeout: 0 })
  }

  /** undefined = there is none. */
  async get<T>(path: string): Promise<T | undefined> {
    try {
      return (await this.#exchange('GET', path)) as T
    } catch (refused) {
      if (refused instanceof Refused && refused.isNoSuchObject) return undefined
      throw refused
    }
  }

  /**
   * Server-side apply: what `object` names becomes so and is `manager`'s from then on; what the same manager named before and no longer
   * names goes; what others named stays. Applied again it changes nothing.
   */
  async apply<T>(path: string, object: object, manager: string): Promise<T> {
    const search = `?fieldManager=${encodeURIComponent(manager)}&force=true&fieldValidation=Strict`
    return (await this.#exchange('PATCH', path + search, object, 'application/apply-patch+yaml')) as T
  }

  /** false: an object of that name exists already, perhaps made by an earlier call whose answer was lost. */
  async create(collection: string, object: object): Promise<boolean> {
    try {
      await this.#exchange('POST', `${collection}?fieldValidation=Strict`, object)
      return true
    } catch (refused) {
      if (refused instanceof Refused && refused.reason === 'AlreadyExists') return false
      throw refused
    }
  }

  /** Gone already is fine. With `uid` a new object of the same name is left alone (409). */
  async delete(path: string, uid: string): Promise<void> {
    try {
      await this.#exchange('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } })
    } catch (refused) {
      if (!(refused instanceof Refused && refused.isNoSuchObject)) throw refused
    }
  }

  /**
   * The object as it is now and after each change; undefined while there is none. A watch ends when the server likes (minutes), and its
   * start may be forgotten (410): each time the object is read again, so nothing is missed. Throws when `signal` aborts.
   */
  async *follow<T = VM>(collection: string, name: string, signal: AbortSignal): AsyncGenerator<T | undefined> {
    const only = `fieldSelector=metadata.name%3D${encodeURIComponent(name)}`
    for (;;) {
      const list = (await this.#exchange('GET', `${collection}?${only}`)) as { metadata: { resourceVersion: string }; items: T[] }
      yield list.items[0]
      const from = `watch=true&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=240`
      for await (const event of this.#events<T>(`${collection}?${only}&${from}`, signal)) {
        if (event.type === 'ERROR') break
        yield event.type === 'DELETED' ? undefined : event.object
      }
      signal.throwIfAborted()
    }
  }

  async *#events<T>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const { statusCode, body } = await request(this.#access.server + path, { ...this.#options(), signal })
    if (statusCode !== 200) throw refusal(statusCode, await body.text())
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent<T>
    }
  }

  async #exchange(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    object?: object,
    contentType = 'application/json',
  ): Promise<unknown> {
    const { statusCode, body } = await request(this.#access.server + path, {
      ...this.#options(),
      method,
      headersTimeout: 30_000,
      ...(object && { body: JSON.stringify(object) }),
      headers: { ...this.#options().headers, 'content-type': contentType },
    })
    const text = await body.text()
    if (statusCode > 299) throw refusal(statusCode, text)
    return JSON.parse(text) as unknown
  }

  #options() {
    return { dispatcher: this.#agent, headers: { authorization: `Bearer ${this.#access.token()}`, accept: 'application/json' } }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

/** The server answers with a Status object; a proxy in between may not. */
function refusal(status: number, text: string): Refused {
  try {
    const { reason = 'Unknown', message = text } = JSON.parse(text) as { reason?: string; message?: string }
    return new Refused(status, reason, message)
  } catch {
    return new Refused(status, 'Unknown', text.slice(0, 500))
  }
}
