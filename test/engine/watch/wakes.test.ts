import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import type { ProxmoxVMCommand } from '../../../src/api/proxmoxvmcommand.ts'
import type { Reason } from '../../../src/api/reasons.ts'
import type { VMPackage } from '../../../src/api/vmpackage.ts'
import type { Dependencies } from '../../../src/engine/dependencies.ts'
import { connectWakes, type VMIndexes } from '../../../src/engine/watch/wakes.ts'
import type { WorkQueue } from '../../../src/kube/queue.ts'
import { aVm } from '../vms.ts'

const stalledFor = (name: string, reason: Reason): ProxmoxVM => {
  const common = { reason, message: '', lastTransitionTime: '', observedGeneration: 1 }
  const conditions = [{ type: 'Ready', status: 'False', ...common } as const, { type: 'Stalled', status: 'True', ...common } as const]
  return aVm({ metadata: { name }, status: { conditions } })
}

interface Change {
  readonly vmids: ReadonlySet<number>
  readonly nodes: ReadonlySet<string>
  readonly storages: ReadonlySet<string>
  readonly reachability?: boolean
}

/** The keys that the beginning wakes, in their order, and those that a change of the listing wakes. */
function connected(vms: readonly ProxmoxVM[], listed: readonly ProxmoxVM[] = [], running: ReadonlySet<string> = new Set()) {
  const keys: string[] = []
  let tell: (change: Change) => void = () => undefined
  let tellCommand: (change: { key: string; old?: ProxmoxVMCommand; new?: ProxmoxVMCommand }) => void = () => undefined
  let tellPackage: (change: { key: string; old?: VMPackage; new?: VMPackage }) => void = () => undefined
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
    vms: { ...nothing, list: () => listed },
    packages: {
      ...store,
      subscribe: (listener: typeof tellPackage) => {
        tellPackage = listener
        return () => undefined
      },
    },
    pools: store,
    clusterObjects: store,
    commands: {
      ...store,
      subscribe: (listener: typeof tellCommand) => {
        tellCommand = listener
        return () => undefined
      },
    },
    backups: store,
    snapshots: store,
    namespaces: store,
    kinds: nothing,
    clusters,
  }
  const none = () => []
  const indexes: VMIndexes = { ofCluster: () => [...vms], ofPackage: () => [...vms], ofPool: none, ofVmid: none }
  const queue = { add: (key: string) => keys.push(key), addFirst: () => undefined, isRunning: (key: string) => running.has(key) }
  connectWakes({
    deps: deps as unknown as Dependencies,
    queue: queue as unknown as WorkQueue,
    indexes,
    audit: {} as Parameters<typeof connectWakes>[0]['audit'],
    askPower: () => undefined,
  })
  const begun = [...new Set(keys)]
  const wokenBy = (change: Change): string[] => {
    keys.length = 0
    tell(change)
    return keys
  }
  const wokenByPackage = (old: VMPackage | undefined, now: VMPackage | undefined): string[] => {
    keys.length = 0
    tellPackage({ key: 's', ...(old && { old }), ...(now && { new: now }) })
    return keys
  }
  const wokenByCommand = (old: ProxmoxVMCommand | undefined, now: ProxmoxVMCommand | undefined): string[] => {
    keys.length = 0
    tellCommand({ key: 'stop', ...(old && { old }), ...(now && { new: now }) })
    return keys
  }
  return { begun, wokenBy, wokenByPackage, wokenByCommand }
}

const wokenBy = (vms: readonly ProxmoxVM[], change: Change) => connected(vms).wokenBy(change)

const none: ReadonlySet<never> = new Set()

describe('the beginning of a process', () => {
  it('wakes what a former one left under way before what is at rest', () => {
    const ready = { type: 'Ready', status: 'True', reason: 'Running', message: '', lastTransitionTime: '', observedGeneration: 1 } as const
    const atRest = (name: string) => aVm({ metadata: { name }, status: { observedGeneration: 1, conditions: [ready] } })
    const step = { name: 'clone', since: '2026-01-01T00:00:00Z' } as const
    const underWay = aVm({ metadata: { name: 'born' }, status: { observedGeneration: 1, conditions: [ready], step } })

    expect(connected([], [atRest('a'), underWay, atRest('z')]).begun).toEqual(['customer-7/born', 'customer-7/a', 'customer-7/z'])
  })
})

describe('a change of the cluster', () => {
  it('wakes also a VM at rest whose pass is under way, which may be about to wait', () => {
    const ready = { type: 'Ready', status: 'True', reason: 'Running', message: '', lastTransitionTime: '', observedGeneration: 1 } as const
    const atRest = ['looked-at', 'left-alone'].map((name) =>
      aVm({ metadata: { name }, status: { observedGeneration: 1, conditions: [ready] } }),
    )

    expect(connected(atRest, [], new Set(['customer-7/looked-at'])).begun).toEqual(['customer-7/looked-at'])
  })

  const vms = [stalledFor('full', 'NoCapacity'), stalledFor('broken', 'PackageInvalid'), stalledFor('taken', 'VMIDTaken')]

  it('wakes those that wait for room: a node that came back, a guest that went', () => {
    const back = wokenBy(vms, { vmids: none, nodes: new Set(['pve2']), storages: none })
    const gone = wokenBy(vms, { vmids: new Set([77]), nodes: none, storages: none })

    expect(back).toEqual(['customer-7/full', 'customer-7/taken'])
    expect(gone).toEqual(back)
  })

  it('wakes those that wait for a storage that allows disks', () => {
    const waiting = [stalledFor('homeless', 'StorageNotFound'), stalledFor('off', 'StorageOff'), stalledFor('broken', 'PackageInvalid')]
    expect(wokenBy(waiting, { vmids: none, nodes: none, storages: new Set(['local']) })).toEqual(['customer-7/homeless', 'customer-7/off'])
  })

  it('wakes those that wait for a node or for quorum when a node comes back, and not for anything else', () => {
    const waitingFor = (name: string, reason: Reason) =>
      aVm({
        metadata: { name },
        status: { conditions: [{ type: 'Ready', status: 'False', reason, message: '', lastTransitionTime: '', observedGeneration: 1 }] },
      })
    const waiting = [waitingFor('off', 'NodeOffline'), waitingFor('minority', 'NoQuorum'), waitingFor('full', 'StorageFull')]
    expect(wokenBy(waiting, { vmids: none, nodes: new Set(['pve2']), storages: none })).toEqual(['customer-7/off', 'customer-7/minority'])
    // A task that has failed for want of room frees what it had taken: its own end must not repeat it.
    expect(wokenBy(waiting, { vmids: new Set([77]), nodes: none, storages: new Set(['local']) })).toEqual([])
  })

  it('of nothing wakes nobody', () => {
    expect(wokenBy(vms, { vmids: none, nodes: none, storages: none })).toEqual([])
  })
})

describe('a change of a package', () => {
  const sold = (generation: number, count: number, uid = 'u1'): VMPackage => ({
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'VMPackage',
    metadata: { name: 's', uid, generation },
    spec: {},
    status: { sellable: [{ cluster: 'fra1', count }] },
  })
  const { wokenByPackage } = connected([stalledFor('waits', 'PackageInvalid')])

  it('wakes its VMs when its spec was edited, and when it came, went or was replaced', () => {
    const woken = ['customer-7/waits']
    expect([...wokenByPackage(sold(1, 5), sold(2, 5))]).toEqual(woken)
    expect([...wokenByPackage(undefined, sold(1, 5))]).toEqual(woken)
    expect([...wokenByPackage(sold(1, 5), undefined)]).toEqual(woken)
    expect([...wokenByPackage(sold(1, 5), sold(1, 5, 'u2'))]).toEqual(woken)
  })

  it('wakes nobody when only what can be sold of it differs', () => {
    expect(wokenByPackage(sold(1, 5), sold(1, 4))).toEqual([])
  })
})

describe('a command', () => {
  const stop = (message: string, metadata: object = {}): ProxmoxVMCommand => ({
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMCommand',
    metadata: { name: 'stop', namespace: 'customer-7', uid: 'u1', ...metadata },
    spec: { vmRef: { name: 'waits' }, command: 'Stop' },
    status: { phase: 'Running', message },
  })
  const { wokenByCommand } = connected([])

  it('wakes its VM when it came, was deleted or was replaced', () => {
    const woken = ['customer-7/waits']
    expect([...wokenByCommand(undefined, stop(''))]).toEqual(woken)
    expect([...wokenByCommand(stop(''), undefined)]).toEqual(woken)
    expect([...wokenByCommand(stop(''), stop('', { deletionTimestamp: '2026-01-01T00:00:00Z' }))]).toEqual(woken)
    expect([...wokenByCommand(stop(''), stop('', { uid: 'u2' }))]).toEqual(woken)
  })

  it('wakes nobody when the operator has written its status: what PVE refuses at once would be sent at once, without end', () => {
    expect(wokenByCommand(stop(''), stop('PVE is busy'))).toEqual([])
  })
})
