/**
 * Which PVE answers. `spec.endpoints`, a DNS name or a virtual IP may lead to another PVE than the one whose VMs are on record: a DR site, a
 * reinstalled server, a typo. A PVE is known by the SHA-256 of its own CA (pve-root-ca.pem), which every node of a cluster has and any token
 * may read (`GET /nodes/{node}/certificates/info`, pve-manager API2::Certificates: user all).
 */
import { rowsOf, text } from './fields.ts'
import { PveError } from './pve-error.ts'

/** Of the node that answers, without a hop to another. */
export const identityRoute = '/nodes/localhost/certificates/info'

/** Error code of a request that was not made, or whose answer was not used, because another PVE is there. */
export const clusterChanged = 'CLUSTER_CHANGED'

/** `AA:BB:…` of pve-root-ca.pem; empty: PVE shows none. */
export function identityIn(data: unknown): string {
  const ca = rowsOf(data).find((row) => text(row, 'filename') === 'pve-root-ca.pem')
  return (ca && text(ca, 'fingerprint')?.toUpperCase()) ?? ''
}

export class IdentityGuard {
  #expected: string | undefined
  #found: string | undefined
  #other: string | undefined
  /** What endpoints have shown since they were last in doubt. */
  readonly #confirmed = new Map<string, string>()
  /** Certificate shown by an endpoint at its last connection; and all that belonged to confirmed ones. */
  readonly #shown = new Map<string, string>()
  readonly #known = new Set<string>()
  readonly #asking = new Map<string, Promise<string>>()
  readonly #listeners = new Set<() => void>()

  /** What PVE must be from now on; undefined: nothing is recorded yet, and nothing is compared. Empty: none that answers is right. */
  expect(identity: string | undefined): void {
    const wanted = identity?.toUpperCase()
    if (wanted === this.#expected) return
    // Certificates of the former one say nothing of the PVE that a person confirms now.
    if (this.#expected !== undefined) this.#known.clear()
    this.#expected = wanted
    if (this.#found !== undefined) this.#judge(this.#found)
  }

  /** What was shown last, whoever it was. */
  get found(): string | undefined {
    return this.#found
  }

  get expected(): string | undefined {
    return this.#expected
  }

  /** The identity of another PVE that answers instead of the expected one. */
  get other(): string | undefined {
    return this.#other
  }

  /** Called when another PVE begins or ceases to answer. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** A connection was made. Another certificate than before may be another server behind the same name. */
  connected(origin: string, certificate: string): void {
    this.#shown.set(origin, certificate)
    if (!this.#known.has(certificate)) this.#confirmed.delete(origin)
  }

  /** Whether a connection that shows this certificate may carry a write: a standing confirmation says nothing of who answers a new one. */
  mayCarryWrites(certificate: string): boolean {
    return this.#expected === undefined || this.#known.has(certificate)
  }

  /** A connection failed: who answers next is open. */
  forget(origin: string): void {
    this.#confirmed.delete(origin)
  }

  /** Endpoints or trust were edited. */
  forgetAll(): void {
    this.#confirmed.clear()
    this.#known.clear()
  }

  /** Throws unless the endpoint is the expected PVE; asks it if that is in doubt. Nothing is asked while nothing is recorded. */
  async confirm(origin: string, ask: () => Promise<unknown>): Promise<void> {
    if (this.#expected === undefined || (this.#confirmed.get(origin) === this.#expected && this.#other === undefined)) return
    const asking = this.#asking.get(origin) ?? ask().then(identityIn)
    this.#asking.set(origin, asking)
    try {
      this.learn(origin, await asking)
    } finally {
      this.#asking.delete(origin)
    }
  }

  /** The endpoint has shown this identity. Throws if it is another than expected. */
  learn(origin: string, identity: string): void {
    this.#judge(identity)
    if (this.#other !== undefined) throw this.fault()
    this.#confirmed.set(origin, identity)
    const certificate = this.#shown.get(origin)
    if (certificate !== undefined) this.#known.add(certificate)
  }

  /** What a request meets while another PVE answers. */
  fault(): PveError {
    const message = `a different PVE answers: its CA (pve-root-ca.pem) has the SHA-256 ${this.#other || '(none)'}, and ${this.#expected ? `${this.#expected} is the known one` : 'it shows none of the known VMs'}`
    return new PveError({ message, status: 0, sent: false, code: clusterChanged, route: identityRoute, method: 'GET' })
  }

  #judge(identity: string): void {
    this.#found = identity
    const before = this.#other
    this.#other = this.#expected !== undefined && identity !== this.#expected ? identity : undefined
    if (before !== this.#other) for (const listener of this.#listeners) listener()
  }
}
