import { describe, expect, it } from '@jest/globals'
import { Store } from '../../src/kube/store.ts'
import { SharedValues, withoutManagedFields, withoutManifest } from '../../src/kube/trim.ts'
import { type ConfigMap, configMap } from './config-maps.ts'

const manifest = 'kubectl.kubernetes.io/last-applied-configuration'

/** As a server hands it out: with who wrote which field, and what kubectl applied. */
function served(resourceVersion: string, annotations: Record<string, string> = { [manifest]: '{"data":{}}', mine: 'yes' }): ConfigMap {
  const object = configMap('ns', 'a', { payload: 'x' })
  return { ...object, metadata: { ...object.metadata, uid: 'u', resourceVersion, annotations, managedFields: [{ manager: 'm' }] } as never }
}

describe('a store', () => {
  it('keeps no managedFields, whether the watch or our own write brought the object', () => {
    const store = new Store<ConfigMap>()
    store.upsert(served('1'))
    expect(store.get('ns/a')?.metadata).not.toHaveProperty('managedFields')
    store.endReplace(new Set(['ns/a']), '1')
    store.put(served('2'))
    expect(store.get('ns/a')?.metadata).toEqual({
      namespace: 'ns',
      name: 'a',
      uid: 'u',
      resourceVersion: '2',
      annotations: served('2').metadata.annotations,
    })
  })

  it('hands the trimmed object to listeners and indexes', () => {
    const store = new Store<ConfigMap>({ trim: (object) => ({ ...object, data: {} }) })
    const told: unknown[] = []
    store.subscribe(({ new: now }) => told.push(now?.data))
    const byPayload = store.index('payload', ({ data }) => Object.values(data ?? {}))
    store.put(served('1'))
    expect(told).toEqual([{}])
    expect(byPayload('x')).toEqual([])
  })
})

describe('trimming', () => {
  it("takes off kubectl's copy of the manifest and leaves the other annotations", () => {
    expect(withoutManifest(served('1')).metadata.annotations).toEqual({ mine: 'yes' })
    expect(withoutManifest(served('1')).data).toEqual({ payload: 'x' })
  })

  it('copies nothing where there is nothing to take off', () => {
    const { managedFields: _, ...metadata } = served('1', { mine: 'yes' }).metadata as ConfigMap['metadata'] & { managedFields: unknown }
    const bare = { ...served('1'), metadata }
    expect(withoutManagedFields(bare)).toBe(bare)
    expect(withoutManifest(bare)).toBe(bare)
  })
})

describe('shared values', () => {
  it('are one copy of what is alike', () => {
    const shared = new SharedValues()
    const first = shared.share({ cpu: { cores: 1 } })
    expect(shared.share({ cpu: { cores: 1 } })).toBe(first)
    expect(shared.share({ cpu: { cores: 2 } })).not.toBe(first)
  })

  it('begin from nothing beyond their limit, and stay right', () => {
    const shared = new SharedValues(2)
    const first = shared.share({ n: 1 })
    shared.share({ n: 2 })
    shared.share({ n: 3 })
    const again = shared.share({ n: 1 })
    expect(again).toEqual(first)
    expect(again).not.toBe(first)
    expect(shared.share({ n: 1 })).toBe(again)
  })
})
