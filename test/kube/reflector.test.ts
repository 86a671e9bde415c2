import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { KubeClient } from '../../src/kube/client.ts'
import { keyOf } from '../../src/kube/keys.ts'
import { type StoreChange, Store } from '../../src/kube/store.ts'
import { Reflector, type ReflectorOptions } from '../../src/kube/watch.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { freshNamespace, testClient, testServer } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { type ConfigMap, configMap, configMaps } from './config-maps.ts'
import { FaultProxy } from './fault-proxy.ts'

const direct = testClient()
let namespace: string
let proxy: FaultProxy
let client: KubeClient
let store: Store<ConfigMap>
let changes: string[]
let problems: string[]
let stopping: AbortController
let ran: Promise<void>

const word = ({ key, old, new: now }: StoreChange<ConfigMap>): string =>
  `${!old ? 'added' : now ? 'changed' : 'deleted'} ${key.split('/')[1]}`

function start(o: Partial<ReflectorOptions<ConfigMap>> = {}): void {
  stopping = new AbortController()
  const reflector = new Reflector({
    client,
    resource: configMaps,
    store,
    clock: systemClock,
    selection: { namespace },
    onProblem: (message) => problems.push(message),
    ...o,
  })
  ran = reflector.run(stopping.signal)
}

const names = (): string[] =>
  store
    .list()
    .map((object) => object.metadata.name)
    .toSorted()
const create = (name: string): Promise<ConfigMap> => direct.create(configMaps, configMap(namespace, name))
const seen = (name: string): Promise<ConfigMap> =>
  until(`${name} in the store`, () => store.get(`${namespace}/${name}`), { describe: () => ({ names: names(), problems }) })

beforeAll(async () => {
  proxy = await FaultProxy.to(testServer().url)
})
beforeEach(async () => {
  namespace = await freshNamespace(direct)
  client = new KubeClient({ server: { ...testServer(), url: proxy.url }, clock: systemClock, fieldManager: 'test' })
  store = new Store()
  changes = []
  problems = []
  store.subscribe((change) => changes.push(word(change)))
})
afterEach(async () => {
  stopping.abort()
  proxy.pass()
  await ran
  await client.close()
})
afterAll(async () => {
  await proxy.close()
  await direct.close()
})

describe.each([
  ['list and watch in one stream', true],
  ['paged list, then watch', false],
])('a store fed by %s', (_, watchList) => {
  it('holds what there is, then follows every change', async () => {
    await create('before')
    start({ watchList })
    await store.synced
    expect(names()).toEqual(['before'])
    const made = await create('later')
    await seen('later')
    await direct.replace(configMaps, { ...made, data: { a: '1' } })
    await until('the change', () => store.get(keyOf(made))?.data?.['a'] === '1')
    await direct.delete(configMaps, made.metadata)
    await until('the deletion', () => !store.get(keyOf(made)))
    expect(changes).toEqual(['added before', 'added later', 'changed later', 'deleted later'])
  })

  it('is exact again after a time without a network: missed deletions are told, a new object of the old name is two changes', async () => {
    await Promise.all(['kept', 'dropped', 'renewed'].map(create))
    start({ watchList })
    await store.synced
    proxy.refuse()
    await direct.delete(configMaps, { namespace, name: 'dropped' })
    await direct.delete(configMaps, { namespace, name: 'renewed' })
    const renewed = await create('renewed')
    await create('added')
    changes.length = 0
    proxy.pass()
    await seen('added')
    expect(names()).toEqual(['added', 'kept', 'renewed'])
    expect(store.get(keyOf(renewed))?.metadata.uid).toBe(renewed.metadata.uid)
    expect(changes.toSorted()).toEqual(['added added', 'added renewed', 'deleted dropped', 'deleted renewed'])
  })

  it('tells nothing twice when it must list again', async () => {
    await create('same')
    start({ watchList })
    await store.synced
    stopping.abort()
    await ran
    start({ watchList })
    await create('next')
    await seen('next')
    expect(changes).toEqual(['added same', 'added next'])
  })
})

describe('a reflector', () => {
  it('resumes after a cut without a new list', async () => {
    const lists = jest.spyOn(store, 'beginReplace')
    start()
    await store.synced
    proxy.cut()
    await until('the cut to be noticed', () => problems.length > 0)
    await create('after-cut')
    await seen('after-cut')
    expect(lists).toHaveBeenCalledTimes(1)
  })

  it('notices a stream that has gone silent, and after two of them no longer trusts the version it resumes from', async () => {
    const lists = jest.spyOn(store, 'beginReplace')
    start({ watchdogMs: 1_000 })
    await store.synced
    // A busy server may have been silent for as long before it answered the first time.
    lists.mockClear()
    problems.length = 0
    proxy.stall()
    await create('unheard')
    await until('the watchdog', () => problems.some((problem) => problem.includes('no byte for 1 s')))
    expect(store.get(`${namespace}/unheard`)).toBeUndefined()
    expect(lists).not.toHaveBeenCalled()
    await until('a new list', () => lists.mock.calls.length > 0)
    proxy.pass()
    await seen('unheard')
  })

  it('waits for a server that is not there yet', async () => {
    proxy.refuse()
    start()
    await until('a refused attempt', () => problems.length > 1)
    expect(store.isSynced).toBe(false)
    proxy.pass()
    await store.synced
  })

  it('leaves no connection behind when it is stopped, whenever that is', async () => {
    start()
    stopping.abort()
    await ran
    start()
    await store.synced
    expect(proxy.open).toBeGreaterThan(0)
    stopping.abort()
    await ran
    await client.close()
    await until('no connection', () => proxy.open === 0)
  })

  it('goes on when a listener throws', async () => {
    store = new Store({ onProblem: (message) => problems.push(message) })
    store.subscribe(() => {
      throw new Error('a bug')
    })
    start()
    await create('one')
    await seen('one')
    expect(problems.join()).toContain('a bug')
  })
})
