// Which PVE stands behind the address: the cluster of the scenario, or for a while another one.
import { openWorld } from './open-world.ts'
import type { ServerCertificate } from './tls/certificate.ts'
import { type ClusterIdentity, makeIdentity } from './tls/identity.ts'
import type { WorldSpec } from './world/spec.ts'
import type { World } from './world/world.ts'

interface Cluster {
  world: World
  identity: ClusterIdentity
}

/** The cluster that answers. The first one goes on while another one stands in for it. */
export class AnsweringCluster {
  /** Called when another certificate is to be shown. */
  onSwap: (served: ServerCertificate | undefined) => void = () => {}
  readonly #spec: WorldSpec
  readonly #speed: number
  readonly #hasTls: boolean
  #own: Cluster
  #other: Cluster | undefined

  constructor(spec: WorldSpec, speed: number, hasTls: boolean) {
    this.#spec = spec
    this.#speed = speed
    this.#hasTls = hasTls
    this.#own = this.#open(spec, makeIdentity(spec.nodes, spec.tls))
  }

  get world(): World {
    return this.#shown.world
  }

  /** Undefined without TLS. */
  get ca(): string | undefined {
    return this.#hasTls ? this.#shown.identity.authority.certificate : undefined
  }

  get served(): ServerCertificate | undefined {
    return this.#hasTls ? this.#shown.identity.nodes.get(this.world.firstNode.name) : undefined
  }

  /** Back to the start, as the cluster it was. */
  reset(): void {
    this.swap(false)
    this.#own.world.stop()
    this.#own = this.#open(this.#spec, this.#own.identity)
  }

  /** Lets another PVE answer: same nodes, users and templates, other CA, name and random values, none of the guests. */
  swap(isOther: boolean): void {
    if (isOther === (this.#other !== undefined)) return
    if (isOther) {
      const { seed = 1, clusterName, guests, ...rest } = this.#spec
      const templates = guests.filter(({ config }) => config['template'] === '1')
      const spec = {
        ...rest,
        ...(clusterName === undefined ? {} : { clusterName: `${clusterName}-other` }),
        guests: templates,
        seed: seed + 1,
      }
      delete spec.ha
      this.#other = this.#open(spec, makeIdentity(spec.nodes))
    } else {
      this.#other?.world.stop()
      this.#other = undefined
    }
    this.onSwap(this.served)
  }

  stop(): void {
    this.#other?.world.stop()
    this.#own.world.stop()
  }

  get #shown(): Cluster {
    return this.#other ?? this.#own
  }

  #open(spec: WorldSpec, identity: ClusterIdentity): Cluster {
    const world = openWorld(structuredClone(spec), this.#speed)
    world.rootCa = identity.authority.certificate
    for (const [name, { cert, fingerprint }] of identity.nodes) {
      const node = world.nodes.get(name)
      if (!node) continue
      node.certificate = cert
      if (this.#hasTls) node.fingerprint = fingerprint
    }
    return { world, identity }
  }
}
