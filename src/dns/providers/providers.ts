import type { DNSZone } from '../../api/dnszone.ts'
import { secrets } from '../../api/meta.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Clock } from '../../ops/clock.ts'
import { Cloudflare } from './cloudflare.ts'
import { ExternalDns } from './external-dns.ts'
import { Pace } from '../../ops/pace.ts'
import { PowerDns } from './powerdns.ts'
import { DnsFault, type DnsProvider, type Ownership } from './provider.ts'
import { Rfc2136 } from './rfc2136/rfc2136.ts'

/** What zones with this spec mark their records by, defaults applied. */
export function ownershipOf({ spec }: DNSZone): Ownership {
  return spec.ownership ?? (spec.cloudflare !== undefined || spec.externalDNS !== undefined ? 'Comment' : 'TXT')
}

/** Which provider a zone names; also the label of metrics. */
export const providerOf = ({ spec }: DNSZone): string =>
  (['powerDNS', 'rfc2136', 'cloudflare', 'externalDNS'] as const).find((name) => spec[name] !== undefined) ?? 'none'

/** A Secret or its key is not there; a person must write it. */
export class CredentialsMissing extends Error {
  override readonly name = 'CredentialsMissing'
}

/** Cloudflare's limit for each user (developers.cloudflare.com/fundamentals/api/reference/limits), with room for people who click meanwhile. */
const cloudflarePace = { calls: 1000, perSeconds: 300, burst: 100 }

/** Makes providers from zones: the one place that knows all of them, and the only one that reads their Secrets. */
export class Providers {
  readonly #client: KubeClient
  readonly #clock: Clock
  readonly #around: (provider: DnsProvider) => DnsProvider
  readonly #paces = new Map<string, Pace>()

  constructor(o: { client: KubeClient; clock: Clock; around?: (provider: DnsProvider) => DnsProvider }) {
    this.#client = o.client
    this.#clock = o.clock
    this.#around = o.around ?? ((provider) => provider)
  }

  /** Reads the zone's Secret now. Throws CredentialsMissing, DnsFault `invalid`, or what the API server says. */
  async make(object: DNSZone): Promise<DnsProvider> {
    return this.#around(await this.#bare(object))
  }

  /** What the zone's Secret says now, to see whether it has changed. Undefined: the provider needs none. Throws CredentialsMissing. */
  async loginOf({ spec }: DNSZone): Promise<string | undefined> {
    const ref = spec.powerDNS?.apiKeySecretRef ?? spec.rfc2136?.tsig.secretRef ?? spec.cloudflare?.tokenSecretRef
    return ref && (await this.#secret(ref))
  }

  async #bare(object: DNSZone): Promise<DnsProvider> {
    const { spec } = object
    const { zone } = spec
    const ownership = ownershipOf(object)
    const clock = this.#clock
    if (spec.powerDNS !== undefined) {
      const { url, serverID, apiKeySecretRef, tls } = spec.powerDNS
      const trust = tls === undefined ? {} : { trust: tls }
      return new PowerDns({ zone, url, serverID, apiKey: await this.#secret(apiKeySecretRef), ownership, clock, ...trust })
    }
    if (spec.rfc2136 !== undefined) {
      const { server, tsig } = spec.rfc2136
      const secret = decodedSecret(await this.#secret(tsig.secretRef))
      const key = { name: tsig.name.toLowerCase(), algorithm: tsig.algorithm, secret }
      return new Rfc2136({ zone, server, key, ownership: ownership === 'None' ? 'None' : 'TXT', clock })
    }
    if (spec.cloudflare !== undefined) {
      const { zoneID, tokenSecretRef } = spec.cloudflare
      const token = await this.#secret(tokenSecretRef)
      const more = zoneID === undefined ? {} : { zoneID }
      return new Cloudflare({
        zone,
        token,
        ownership: ownership === 'None' ? 'None' : 'Comment',
        clock,
        pace: this.#paceOf(token),
        ...more,
      })
    }
    if (spec.externalDNS !== undefined) return new ExternalDns({ zone, namespace: spec.externalDNS.namespace, client: this.#client })
    throw new DnsFault('invalid', 'the zone has no provider; write one of powerDNS, rfc2136, cloudflare and externalDNS')
  }

  #paceOf(token: string): Pace {
    const pace = this.#paces.get(token) ?? new Pace({ ...cloudflarePace, clock: this.#clock })
    this.#paces.set(token, pace)
    return pace
  }

  async #secret({ namespace, name, key }: { namespace: string; name: string; key: string }): Promise<string> {
    const secret = await this.#client.get(secrets, { namespace, name })
    const value = secret?.data?.[key]
    if (secret === undefined) throw new CredentialsMissing(`Secret ${namespace}/${name} does not exist; create it`)
    const text = value === undefined ? '' : Buffer.from(value, 'base64').toString('utf8').trim()
    if (text === '') throw new CredentialsMissing(`Secret ${namespace}/${name} has no key ${key}`)
    return text
  }
}

function decodedSecret(text: string): Buffer {
  const secret = Buffer.from(text, 'base64')
  if (secret.length === 0 || !/^[A-Za-z0-9+/=\s]+$/.test(text))
    throw new DnsFault('invalid', 'the TSIG secret is not base64; copy it from the configuration of the server')
  return secret
}
