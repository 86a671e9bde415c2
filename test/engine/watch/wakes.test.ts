import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import type { Reason } from '../../../src/api/reasons.ts'
import type { Dependencies } from '../../../src/engine/dependencies.ts'
import { connectWakes, type VMIndexes } from '../../../src/engine/watch/wakes.ts'
import type { WorkQueue } from '../../../src/kube/queue.ts'
import { aVm } from '../vms.ts'

const stalledFor = (name: string, reason: Reason): ProxmoxVM =>
  aVm({
    metadata: { name },
    status: { conditions: [{ type: 'Stalled', status: 'True', reason, message: '', lastTransitionTime: '', observedGeneration: 1 }] },
  })

interface Change {
  readonly vmids: ReadonlySet<number>
  readonly nodes: ReadonlySet<string>
  readonly reachability?: boolean
}

/** The keys that a change of the listing wakes. */
function wokenBy(vms: readonly ProxmoxVM[], change: Change): string[] {
  const keys: string[] = []
  let tell: (change: Change) => void = () => undefined
  const nothing = { subscribe: () => () => undefined }
  const cluster = {
    cloneSlots: nothing,
    deletions: nothing,
    firewall: nothing,
    touched: nothing,
    identity: nothing,
    inventory: {
      subscribe: (listener: (change: Change) => void) => {
        tell = listener
        return () => undefined
      },
    },
  }
  const clusters = {
    subscribe: (listener: (name: string) => void) => {
      listener('fra1')
      return () => undefined
    },
    get: () => cluster,
  }
  const store = { ...nothing, list: () => [] }
  const deps = {
    vms: store,
    packages: store,
    pools: store,
    clusterObjects: store,
    commands: store,
    backups: store,
    snapshots: store,
    namespaces: store,
    kinds: nothing,
    clusters,
  }
  const none = () => []
  const indexes: VMIndexes = { ofCluster: () => [...vms], ofPackage: none, ofPool: none, ofVmid: none }
  const queue = { add: (key: string) => keys.push(key), addFirst: () => undefined }
  connectWakes({
    deps: deps as unknown as Dependencies,
    queue: queue as unknown as WorkQueue,
    indexes,
    audit: {} as Parameters<typeof connectWakes>[0]['audit'],
    askPower: () => undefined,
  })
  keys.length = 0
  tell(change)
  return keys
}

describe('a change of the cluster', () => {
  const vms = [stalledFor('full', 'NoCapacity'), stalledFor('broken', 'PackageInvalid'), stalledFor('taken', 'VMIDTaken')]

  it('wakes those that wait for room: a node that came back, a guest that went', () => {
    const back = wokenBy(vms, { vmids: new Set(), nodes: new Set(['pve2']) })
    const gone = wokenBy(vms, { vmids: new Set([77]), nodes: new Set() })

    expect(back).toEqual(['customer-7/full', 'customer-7/taken'])
    expect(gone).toEqual(back)
  })

  it('of nothing wakes nobody', () => {
    expect(wokenBy(vms, { vmids: new Set(), nodes: new Set() })).toEqual([])
  })
})
