import { readFileSync } from 'node:fs'
import type { ClientRequest } from 'node:http'
import { request as startRequest } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Agent, request } from 'undici'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { Store } from '../../src/kube/store.ts'
import { Reflector } from '../../src/kube/watch.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { freshName, freshNamespace, testClient, testServer } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { type ConfigMap, configMap, configMaps } from './config-maps.ts'

/** A user whom the server's own priority and fairness lets through, or turns away with 429 and Retry-After. */
const user = freshName('guest')
const admin = testClient()
const level = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1', kind: 'PriorityLevelConfiguration', metadata: { name: user } }
const levelPath = `/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations`
let namespace: string
let dispatcher: Agent

/** The smallest level there can be: a few seats, and whoever finds none is turned away at once. */
const spec = {
  type: 'Limited',
  limited: { nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } },
}

const held = new Set<ClientRequest>()

/** Takes seat after seat, by requests whose body does not end, until there is none. */
async function turnAway(): Promise<void> {
  const { url, ca, authorization } = testServer()
  const headers = { authorization: (await authorization?.({ fresh: false })) ?? '', 'impersonate-user': user }
  const path = `${url}/api/v1/namespaces/${namespace}/configmaps`
  const takeSeat = (): void => {
    const one = startRequest(path, { method: 'POST', ca, headers: { ...headers, 'content-type': 'application/json' } })
    held.add(one)
    one.on('error', () => undefined)
    one.on('response', () => one.destroy())
    one.on('close', () => held.delete(one))
    one.write('{')
  }
  await until(
    'others to be turned away',
    async () => {
      const { statusCode, body } = await request(path, { dispatcher, headers })
      await body.dump()
      if (statusCode !== 429) takeSeat()
      return statusCode === 429
    },
    { everyMs: 100, describe: () => ({ held: held.size }) },
  )
}

function letIn(): void {
  for (const one of held) one.destroy()
}

beforeAll(async () => {
  dispatcher = new Agent({ connect: { ca: testServer().ca ?? '' } })
  namespace = await freshNamespace(admin)
  await admin.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  })
  await admin.request('POST', levelPath, { ...level, spec })
  await admin.request('POST', '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas', {
    metadata: { name: user },
    spec: {
      priorityLevelConfiguration: { name: user },
      matchingPrecedence: 100,
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: user } }],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
        },
      ],
    },
  })
})
afterAll(async () => {
  letIn()
  await admin.request('DELETE', `/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/${user}`)
  await admin.request('DELETE', `${levelPath}/${user}`)
  await admin.request('DELETE', `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${user}`)
  await admin.close()
  await dispatcher.close()
})

describe('an API server that turns requests away with 429', () => {
  it('is asked again when it said, and the wait is told', async () => {
    const putOff: number[] = []
    const statuses: number[] = []
    const guest = testClient({
      as: { user, groups: [] },
      onPutOff: ({ verb, resource, seconds }) => putOff.push(verb === 'POST' && resource === 'configmaps' ? seconds : Number.NaN),
      onRequest: ({ status }) => statuses.push(status),
    })
    await turnAway()

    const made = guest.create(configMaps, configMap(namespace, 'late'))
    made.catch(() => undefined)
    await until('a wait', () => putOff.length > 0)
    letIn()

    await expect(made).resolves.toMatchObject({ metadata: { name: 'late' } })
    expect(putOff.every((seconds) => seconds >= 1)).toBe(true)
    expect(statuses).toEqual([...putOff.map(() => 429), 201])
    await guest.close()
  })

  it('has its watches back when it lets them in, with nothing missed', async () => {
    const refused: string[] = []
    const putOff: string[] = []
    const guest = testClient({
      as: { user, groups: [] },
      onRequest: ({ verb, resource, status }) => status === 429 && refused.push(`${verb} ${resource}`),
      onPutOff: ({ verb, resource, seconds }) => seconds >= 1 && putOff.push(`${verb} ${resource}`),
    })
    await turnAway()
    const store = new Store<ConfigMap>()
    const stop = new AbortController()
    const selection = { namespace }
    const ran = new Reflector<ConfigMap>({ client: guest, resource: configMaps, store, clock: systemClock, selection }).run(stop.signal)
    await until('a refused watch', () => putOff.length > 0)
    await admin.create(configMaps, configMap(namespace, 'meanwhile'))
    letIn()

    await store.synced
    expect(store.get(`${namespace}/meanwhile`)).toBeDefined()
    expect(refused[0]).toBe('WATCH configmaps')
    expect(putOff[0]).toBe('WATCH configmaps')
    stop.abort()
    await ran
    await guest.close()
  })
})

describe('the FlowSchema of docs/kubernetes-api.md', () => {
  it('gives the Lease of the operator, and nothing else of it, the level of leader elections', async () => {
    const page = readFileSync(new URL('../../docs/kubernetes-api.md', import.meta.url), 'utf8')
    const manifests = new Manifests({ client: admin, clock: systemClock })
    await manifests.apply(parseManifests(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''))
    const wanted = (await admin.request('GET', `${levelPath}/leader-election`)) as { metadata: { uid: string } }
    const { url, authorization } = testServer()
    const headers = {
      authorization: (await authorization?.({ fresh: false })) ?? '',
      'impersonate-user': 'system:serviceaccount:pve-system:pve-operator',
      'impersonate-group': ['system:serviceaccounts', 'system:authenticated'],
    }
    const levelOf = async (path: string): Promise<unknown> => {
      const answer = await request(url + path, { dispatcher, headers })
      await answer.body.dump()
      return answer.headers['x-kubernetes-pf-prioritylevel-uid']
    }
    const lease = '/apis/coordination.k8s.io/v1/namespaces/pve-system/leases/pve-operator'

    await until('the FlowSchema to act', async () => (await levelOf(lease)) === wanted.metadata.uid)
    expect(await levelOf('/apis/pve.hosting/v1alpha1/proxmoxvms')).not.toBe(wanted.metadata.uid)
    expect(await levelOf(lease.replace('pve-system', 'default'))).not.toBe(wanted.metadata.uid)
    await admin.request('DELETE', '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/pve-operator-lease')
  })
})
