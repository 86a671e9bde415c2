import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isNewer, Store } from '../../src/kube/store.ts'
import { type ConfigMap, configMap } from './config-maps.ts'

const at = (name: string, resourceVersion: string, uid = `uid-${name}`): ConfigMap => ({
  ...configMap('ns', name),
  metadata: { namespace: 'ns', name, uid, resourceVersion },
})

function synced(...objects: ConfigMap[]): { store: Store<ConfigMap>; told: string[] } {
  const store = new Store<ConfigMap>()
  store.beginReplace()
  for (const object of objects) store.upsert(object)
  store.endReplace(new Set(objects.map((object) => `ns/${object.metadata.name}`)), '100')
  const told: string[] = []
  store.subscribe(({ key, old, new: now }) =>
    told.push(`${key} ${old?.metadata.resourceVersion ?? '-'}→${now?.metadata.resourceVersion ?? '-'}`),
  )
  return { store, told }
}

describe('a write of our own, put into the store', () => {
  it('is there at once and is told once', () => {
    const { store, told } = synced(at('a', '90'))
    store.put(at('a', '101'))
    store.upsert(at('a', '101'))
    expect(told).toEqual(['ns/a 90→101'])
  })

  it('is not undone by older news from the watch', () => {
    const { store } = synced(at('a', '90'))
    store.put(at('a', '105'))
    store.upsert(at('a', '103'))
    expect(store.get('ns/a')?.metadata.resourceVersion).toBe('105')
    store.upsert(at('a', '106'))
    expect(store.get('ns/a')?.metadata.resourceVersion).toBe('106')
  })

  it('does not bring back what the watch has seen deleted since', () => {
    const { store } = synced(at('a', '90'))
    store.remove(at('a', '104'))
    store.put(at('a', '102'))
    expect(store.get('ns/a')).toBeUndefined()
  })

  it('is not deleted by the deletion of its predecessor', () => {
    const { store, told } = synced(at('a', '90', 'old'))
    store.put(at('a', '103', 'new'))
    store.remove(at('a', '102', 'old'))
    expect(store.get('ns/a')?.metadata.uid).toBe('new')
    expect(told).toEqual(['ns/a 90→-', 'ns/a -→103'])
  })

  it('made while a list was read stays if the list is older, and goes if the list knows better', () => {
    const { store } = synced()
    store.beginReplace()
    store.put(at('newer', '120'))
    store.put(at('deleted-since', '110'))
    store.endReplace(new Set(), '115')
    expect(store.list().map((object) => object.metadata.name)).toEqual(['newer'])
  })

  it('made before a list was asked for does not outlive it, even if the server was restored to an older version', () => {
    const { store } = synced()
    store.put(at('a', '200'))
    store.beginReplace()
    store.endReplace(new Set(), '50')
    expect(store.list()).toEqual([])
  })
})

describe('an index', () => {
  it('answers as a search of the whole store would, whatever has happened', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      label: fc.constantFrom('x', 'y', 'z'),
      act: fc.constantFrom('set', 'remove'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = new Store<ConfigMap>()
        const early = store.index('early', (object) => Object.values(object.data ?? {}))
        store.beginReplace()
        for (const [index, { name, label, act }] of steps.entries()) {
          const object = { ...at(name, String(index + 1)), data: { label } }
          if (act === 'set') store.upsert(object)
          else store.remove(object)
        }
        const late = store.index('late', (object) => Object.values(object.data ?? {}))
        for (const label of ['x', 'y', 'z']) {
          const expected = store.list().filter((object) => object.data?.['label'] === label)
          expect(new Set(early(label))).toEqual(new Set(expected))
          expect(new Set(late(label))).toEqual(new Set(expected))
        }
      }),
    )
  })
})

describe('versions', () => {
  it('are compared as numbers of any length, and not at all when they are none', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), (a, b) => isNewer(String(a), String(b)) === a > b))
    expect(isNewer('abc', '1')).toBeUndefined()
    expect(isNewer('1', undefined)).toBeUndefined()
  })
})
