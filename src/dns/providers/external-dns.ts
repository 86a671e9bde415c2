import { createHash } from 'node:crypto'
import type { KubeObject, Resource } from '../../api/meta.ts'
import type { KubeClient } from '../../kube/client.ts'
import { dnsMarkOf, ownerIn } from '../marks.ts'
import { fromServer, type Name } from '../names.ts'
import { type DnsChange, DnsFault, type DnsProvider, type Found, type Made, type RecordKey, type ZoneFacts } from './provider.ts'
import { canonicalAddress } from '../reverse.ts'

/** externaldns.k8s.io/v1alpha1, the fields in use. */
export interface DnsEndpoint extends KubeObject {
  spec?: { endpoints?: { dnsName: string; recordType: string; recordTTL?: number; targets?: string[] }[] }
}

export const dnsEndpoints: Resource<DnsEndpoint> = {
  group: 'externaldns.k8s.io',
  version: 'v1alpha1',
  plural: 'dnsendpoints',
  kind: 'DNSEndpoint',
  namespaced: true,
}

/** The mark: an object of ours says whose it is. An object without it is somebody else's, whatever its name. */
const ownerAnnotation = 'pve.hosting/owner'

export interface ExternalDnsOptions {
  readonly zone: Name
  /** Where the DNSEndpoints are written and external-dns looks for them. */
  readonly namespace: string
  readonly client: KubeClient
}

/** Up to so many keys are asked for one by one; beyond that the namespace is listed. */
const askedSingly = 20

/**
 * Leaves the writing to external-dns: one DNSEndpoint for each record set. external-dns never says whether it succeeded, so nothing here
 * can be confirmed; the object being there is all that is known.
 */
export class ExternalDns implements DnsProvider {
  readonly kind = 'externalDNS'
  readonly confirms = false
  readonly serialMoves = false
  readonly server: string
  readonly #o: ExternalDnsOptions
  /** The object behind a look: its resourceVersion makes the change a compare-and-swap. */
  readonly #behind = new WeakMap<Found, DnsEndpoint>()

  constructor(options: ExternalDnsOptions) {
    this.#o = options
    this.server = `externalDNS ${options.namespace}`
  }

  async probe(): Promise<ZoneFacts> {
    // A list, as a kind that is not installed is 404 there, while a missing object of a known kind is 404 to a get.
    await this.#asked(() =>
      this.#o.client.list(dnsEndpoints, { namespace: this.#o.namespace, fieldSelector: 'metadata.name=pve-operator-probe' }),
    )
    return {}
  }

  async look(keys: readonly RecordKey[]): Promise<Found[]> {
    if (keys.length > askedSingly) {
      const listed = await this.#asked(() => this.#o.client.list(dnsEndpoints, { namespace: this.#o.namespace }))
      const byName = new Map(listed.map((object) => [object.metadata.name, object]))
      return keys.map((key) => this.#foundIn(byName.get(objectNameOf(key)), key))
    }
    const found: Found[] = []
    for (const key of keys) found.push(await this.#find(key))
    return found
  }

  async apply(changes: readonly DnsChange[]): Promise<Made[]> {
    const made: Made[] = []
    for (const change of changes) made.push(await this.#make(change))
    return made
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #find(key: RecordKey): Promise<Found> {
    return this.#foundIn(
      await this.#asked(() => this.#o.client.get(dnsEndpoints, { namespace: this.#o.namespace, name: objectNameOf(key) })),
      key,
    )
  }

  #foundIn(object: DnsEndpoint | undefined, key: RecordKey): Found {
    if (object === undefined) return { ...key, values: [], ttlSeconds: 0 }
    const endpoint = object.spec?.endpoints?.find((each) => fromServer(each.dnsName) === key.name && each.recordType === key.type)
    const values = (endpoint?.targets ?? [])
      .map((target) => (key.type === 'PTR' ? fromServer(target) : (canonicalAddress(target) ?? target)))
      .toSorted()
    const owner = ownerIn(object.metadata.annotations?.[ownerAnnotation] ?? '')
    const found: Found = { ...key, values, ttlSeconds: endpoint?.recordTTL ?? 0, ...(owner === undefined ? {} : { owner }) }
    this.#behind.set(found, object)
    return found
  }

  async #make(change: DnsChange): Promise<Made> {
    const behind = this.#behind.get(change.seen)
    const name = objectNameOf(change.seen)
    try {
      if (change.want !== undefined) await this.#write(change, behind)
      else if (behind !== undefined)
        await this.#o.client.delete(dnsEndpoints, { namespace: this.#o.namespace, name }, preconditionsOf(behind))
      return { is: 'done' }
    } catch (fault) {
      const status = statusOf(fault)
      if (status === 409)
        return { is: 'taken', why: `DNSEndpoint ${this.#o.namespace}/${name} was changed by somebody else at the same time` }
      if (status === 422) return { is: 'invalid', why: fault instanceof Error ? fault.message : String(fault) }
      throw this.#faultOf(fault)
    }
  }

  async #write({ seen, want, uid }: DnsChange, behind: DnsEndpoint | undefined): Promise<void> {
    if (want === undefined) return
    const endpoint = { dnsName: want.name, recordType: want.type, recordTTL: want.ttlSeconds, targets: [...want.values] }
    const metadata = {
      ...behind?.metadata,
      name: objectNameOf(seen),
      namespace: this.#o.namespace,
      labels: { ...behind?.metadata.labels, 'app.kubernetes.io/managed-by': 'pve-operator' },
      annotations: { ...behind?.metadata.annotations, [ownerAnnotation]: dnsMarkOf(uid) },
    }
    const object: DnsEndpoint = {
      apiVersion: 'externaldns.k8s.io/v1alpha1',
      kind: 'DNSEndpoint',
      metadata,
      spec: { endpoints: [endpoint] },
    }
    if (behind === undefined) await this.#o.client.create(dnsEndpoints, object)
    else await this.#o.client.replace(dnsEndpoints, object)
  }

  async #asked<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (fault) {
      throw this.#faultOf(fault)
    }
  }

  #faultOf(cause: unknown): DnsFault {
    const status = statusOf(cause)
    const words = cause instanceof Error ? cause.message : String(cause)
    if (status === 404)
      return new DnsFault('wrong-zone', 'the kind DNSEndpoint or the namespace does not exist; install the CRD of external-dns', { cause })
    if (status === 401 || status === 403)
      return new DnsFault('refused', `the operator is not allowed to write DNSEndpoints in ${this.#o.namespace}: ${words}`, { cause })
    if (status === 429) return new DnsFault('rate-limited', words, { cause })
    return new DnsFault(status === 0 ? 'unreachable' : 'server', words, { cause })
  }
}

/** The HTTP status a client's error carries; undefined for everything that is none. */
function statusOf(fault: unknown): number | undefined {
  return typeof fault === 'object' && fault !== null && 'status' in fault && typeof fault.status === 'number' ? fault.status : undefined
}

function preconditionsOf({ metadata }: DnsEndpoint): { uid?: string; resourceVersion?: string } {
  return { ...(metadata.uid && { uid: metadata.uid }), ...(metadata.resourceVersion && { resourceVersion: metadata.resourceVersion }) }
}

/** One object for one record set, so two VMs that want the same record meet at one name. Names too long for an object are hashed. */
export function objectNameOf(key: RecordKey): string {
  const name = `${key.type.toLowerCase()}-${key.name}`
  return name.length <= 253 ? name : `${key.type.toLowerCase()}-${createHash('sha256').update(key.name).digest('hex')}`
}
