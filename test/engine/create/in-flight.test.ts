import { describe, expect, it } from '@jest/globals'
import { inFlightOfStatus, InFlightPlacements, type InFlightPlacement } from '../../../src/engine/create/in-flight.ts'
import { heldVmids } from '../../../src/engine/create/vmid.ts'
import { quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const intent = (over: Partial<InFlightPlacement> = {}): InFlightPlacement => ({
  cluster: 'fra1',
  vmid: 10000,
  node: 'pve1',
  memoryMiB: 1024,
  disks: [],
  ...over,
})

describe('promises', () => {
  it('are counted for the other VMs of the cluster object, not for the VM itself', () => {
    const inFlight = new InFlightPlacements()
    inFlight.note('a', intent())
    inFlight.note('b', intent({ vmid: 10001 }))
    inFlight.note('c', intent({ vmid: 10002, cluster: 'fra2' }))

    expect(inFlight.of('fra1').map(({ vmid }) => vmid)).toEqual([10000, 10001])
    expect(inFlight.of('fra1', 'a').map(({ vmid }) => vmid)).toEqual([10001])
  })

  it('end', () => {
    const inFlight = new InFlightPlacements()
    inFlight.note('a', intent())
    inFlight.named('a', 'web1')
    inFlight.forget('a')
    inFlight.named('a', 'web1')

    expect(inFlight.of('fra1')).toEqual([])
  })
})

describe('numbers that are held', () => {
  it('are those made for or promised to the other VMs of the cluster object', () => {
    const other = (uid: string, vmid: number, cluster = 'fra1') =>
      aVm({ metadata: { uid }, spec: { clusterRef: { name: cluster } }, status: { vmid } })
    const deps = quietDependencies({
      now: '2026-01-01T00:00:00Z',
      vms: [other('uid-1', 1), other('b', 2), other('c', 3, 'fra2'), aVm({ status: {} })],
    })
    deps.inFlight.note('d', intent({ vmid: 4 }))
    deps.inFlight.note('uid-1', intent({ vmid: 5 }))

    expect([...heldVmids(deps, aVm())].toSorted((a, b) => a - b)).toEqual([2, 4])
  })
})

describe('the promise in a status', () => {
  const promised = { vmid: 10000, node: 'pve1', intentAt: '2026-01-01T00:00:00Z' }

  it('survives a restart until the VM is ready', () => {
    const merged = { memory: { size: '2Gi' }, additionalDisks: [{ name: 'data', size: '10Gi', storage: 'ceph' }] }

    expect(inFlightOfStatus(aVm({ status: { ...promised, package: merged } }))).toEqual(
      intent({ memoryMiB: 2048, cpus: 1, disks: [{ storage: 'ceph', sizeMiB: 10_240 }] }),
    )
    expect(inFlightOfStatus(aVm({ status: { ...promised, firstReadyAt: '2026-01-01T00:01:00Z' } }))).toBeUndefined()
  })

  it('is none before the intent is written', () => {
    expect(inFlightOfStatus(aVm())).toBeUndefined()
    expect(inFlightOfStatus(aVm({ status: { vmid: 10000, node: 'pve1' } }))).toBeUndefined()
  })
})
