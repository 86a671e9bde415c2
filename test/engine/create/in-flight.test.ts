import { describe, expect, it } from '@jest/globals'
import { intentOfStatus, Intents, type Intent } from '../../../src/engine/create/in-flight.ts'
import { heldVmids } from '../../../src/engine/create/intent.ts'
import { quietRoom } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const intent = (over: Partial<Intent> = {}): Intent => ({ cluster: 'fra1', vmid: 10000, node: 'pve1', memoryMiB: 1024, disks: [], ...over })

describe('promises', () => {
  it('are counted for the other VMs of the cluster object, not for the VM itself', () => {
    const intents = new Intents()
    intents.note('a', intent())
    intents.note('b', intent({ vmid: 10001 }))
    intents.note('c', intent({ vmid: 10002, cluster: 'fra2' }))

    expect(intents.of('fra1').map(({ vmid }) => vmid)).toEqual([10000, 10001])
    expect(intents.of('fra1', 'a').map(({ vmid }) => vmid)).toEqual([10001])
  })

  it('end', () => {
    const intents = new Intents()
    intents.note('a', intent())
    intents.named('a', 'web1')
    intents.forget('a')
    intents.named('a', 'web1')

    expect(intents.of('fra1')).toEqual([])
  })
})

describe('numbers that are held', () => {
  it('are those made for or promised to the other VMs of the cluster object', () => {
    const other = (uid: string, vmid: number, cluster = 'fra1') =>
      aVm({ metadata: { uid }, spec: { clusterRef: { name: cluster } }, status: { vmid } })
    const room = quietRoom({
      now: '2026-01-01T00:00:00Z',
      vms: [other('uid-1', 1), other('b', 2), other('c', 3, 'fra2'), aVm({ status: {} })],
    })
    room.intents.note('d', intent({ vmid: 4 }))
    room.intents.note('uid-1', intent({ vmid: 5 }))

    expect([...heldVmids(room, aVm())].toSorted((a, b) => a - b)).toEqual([2, 4])
  })
})

describe('the promise in a status', () => {
  const promised = { vmid: 10000, node: 'pve1', intentAt: '2026-01-01T00:00:00Z' }

  it('survives a restart until the VM is ready', () => {
    const merged = { memory: { size: '2Gi' }, additionalDisks: [{ name: 'data', size: '10Gi', storage: 'ceph' }] }

    expect(intentOfStatus(aVm({ status: { ...promised, package: merged } }))).toEqual(
      intent({ memoryMiB: 2048, disks: [{ storage: 'ceph', sizeMiB: 10_240 }] }),
    )
    expect(intentOfStatus(aVm({ status: { ...promised, firstReadyAt: '2026-01-01T00:01:00Z' } }))).toBeUndefined()
  })

  it('is none before the intent is written', () => {
    expect(intentOfStatus(aVm())).toBeUndefined()
    expect(intentOfStatus(aVm({ status: { vmid: 10000, node: 'pve1' } }))).toBeUndefined()
  })
})
