import { randomUUID } from 'node:crypto'
import type { V1APIResourceList, V1CustomResourceDefinition } from '@kubernetes/client-node'
import { parseAllDocuments } from 'yaml'
import type { KubeObject, Resource } from '../api/meta.ts'
import type { AsJson } from '../api/object.ts'
import type { Clock } from '../ops/clock.ts'
import { type KubeClient, KubeError } from './client.ts'

/** The objects of a YAML stream; empty documents and `kind: List` are resolved. Throws what the YAML parser says. */
export function parseManifests(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if ('errors' in document && document.errors[0]) throw document.errors[0]
    const object = document.toJS() as (KubeObject & { items?: KubeObject[] }) | null
    if (!object) return []
    return object.kind === 'List' ? (object.items ?? []) : [object]
  })
}

/** Applies objects of any kind, server-side, in the order given, as `kubectl apply --server-side --force-conflicts` does. */
export class Manifests {
  readonly #client: KubeClient
  readonly #clock: Clock
  readonly #kinds = new Map<string, Promise<V1APIResourceList>>()

  constructor(o: { client: KubeClient; clock: Clock }) {
    this.#client = o.client
    this.#clock = o.clock
  }

  /** CRDs are waited for, so that what follows may be of their kind. Namespaced objects without a namespace go to `default`. */
  async apply(objects: readonly KubeObject[], o: { dryRun?: boolean } = {}): Promise<KubeObject[]> {
    const applied: KubeObject[] = []
    for (const object of objects) {
      const resource = await this.resourceOf(object)
      const placed = resource.namespaced ? { ...object, metadata: { namespace: 'default', ...object.metadata } } : object
      applied.push(await this.#client.apply(resource, placed, o))
      if (object.kind === 'CustomResourceDefinition' && !o.dryRun) await this.#established(resource, object.metadata.name)
    }
    return applied
  }

  /** Where the server serves the kind of this object, by discovery. */
  async resourceOf({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): Promise<Resource<KubeObject>> {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
    const path = group === '' ? `/api/${version}` : `/apis/${apiVersion}`
    const list = await this.#discover(path)
    const found = list.resources.find((resource) => resource.kind === kind && !resource.name.includes('/'))
    if (!found || group === undefined || version === undefined) {
      this.#kinds.delete(path)
      throw new Error(`the API server does not know kind ${kind} of ${apiVersion}`)
    }
    return { group, version, plural: found.name, kind, namespaced: found.namespaced }
  }

  /**
   * Resolves once every admission policy created so far acts. The API server takes policies up in the order of a watch, some time
   * after it has accepted them, and says nothing when it has: so a policy that refuses one odd name is created last and probed.
   */
  async policiesAct(): Promise<void> {
    const name = `pve-operator-probe-${randomUUID().slice(0, 8)}`
    const [policy, binding] = probe(name)
    await this.apply([policy, binding])
    const probed = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } }
    const resource = await this.resourceOf(probed)
    await this.#until(`admission policies do not act`, async () => {
      try {
        await this.#client.create(resource, probed, { dryRun: true })
        return false
      } catch (fault) {
        if (fault instanceof KubeError && fault.status === 422) return true
        throw fault
      }
    })
    for (const object of [binding, policy]) await this.#client.delete(await this.resourceOf(object), object.metadata)
  }

  #discover(path: string): Promise<V1APIResourceList> {
    const known = this.#kinds.get(path)
    if (known) return known
    const asked = this.#client.request('GET', path, undefined, { resource: 'discovery' }) as Promise<V1APIResourceList>
    this.#kinds.set(path, asked)
    asked.catch(() => this.#kinds.delete(path))
    return asked
  }

  async #established(resource: Resource<KubeObject>, name: string): Promise<void> {
    const crd = await this.#until(`CRD ${name} is not established yet`, async () => {
      const found = (await this.#client.get(resource, { name })) as (KubeObject & AsJson<V1CustomResourceDefinition>) | undefined
      return found?.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True') ? found : false
    })
    // "Established" is said a moment before the handler serves the path
    for (const version of crd.spec.versions.filter((v) => v.served)) {
      await this.#until(`CRD ${name} is not served`, async () => {
        const path = `/apis/${crd.spec.group}/${version.name}/${name.split('.')[0]}?limit=1`
        return (await this.#client.request('GET', path).catch(() => false)) !== false
      })
    }
  }

  async #until<T>(otherwise: string, look: () => Promise<T | false>): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + 30_000
    for (;;) {
      const seen = await look()
      if (seen !== false) return seen
      if (this.#clock.monotonicMs() > deadlineMs) throw new Error(`${otherwise} after 30 s`)
      await this.#clock.sleep(100)
    }
  }
}

function probe(name: string): [KubeObject, KubeObject] {
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const policy = {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }] },
      validations: [{ expression: `object.metadata.name != '${name}'`, message: 'policies act' }],
    },
  }
  const binding = {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  }
  return [policy, binding]
}
