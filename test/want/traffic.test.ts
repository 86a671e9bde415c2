import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { bytesText, parseBytes } from '../../src/api/size.ts'
import { objectionTo } from '../../src/want/package-merge.ts'
import { holdersOf, isSuspended, isTrafficOpen, suspendedSentence } from '../../src/want/suspension.ts'
import { isThrottleOpen, throttleOf, trafficOf, withTrafficRate } from '../../src/want/traffic.ts'
import { aVm } from '../engine/vms.ts'

const usage = {
  periodStart: '2026-11-01T00:00:00Z',
  periodEnd: '2026-12-01T00:00:00Z',
  receivedBytes: 2 ** 40,
  sentBytes: 0,
  measuredAt: '2026-11-20T00:00:00Z',
  limitBytes: 2 ** 40,
}
const held = (over: Partial<ProxmoxVM['spec']> = {}): ProxmoxVM => {
  const vm = aVm()
  return { ...vm, spec: { ...vm.spec, ...over }, status: { usage: { ...usage, exceeded: 'Suspend' } } }
}

describe('the traffic in force', () => {
  const source = { name: 'vps', generation: 3, spec: { traffic: { limit: '1T', onExceed: 'Suspend' as const } } }

  it('is that of the VMPackage as the VM has taken it, with inline fields on top of it at once', () => {
    const { spec } = aVm()
    const referring = { ...spec, packageRef: { name: 'vps' } }
    expect(trafficOf({ spec: { ...referring, package: {} }, status: { packageSource: source } })).toEqual({
      limit: '1T',
      onExceed: 'Suspend',
    })
    expect(trafficOf({ spec: { ...referring, package: { traffic: { limit: '2T' } } }, status: { packageSource: source } })).toEqual({
      limit: '2T',
      onExceed: 'Suspend',
    })
  })

  it('stays what it was until another package is taken', () => {
    const spec = { ...aVm().spec, packageRef: { name: 'other' } }
    expect(trafficOf({ spec, status: { packageSource: source, package: { traffic: { limit: '1T' } } } })).toEqual({ limit: '1T' })
  })

  it('needs a rate where it is to throttle', () => {
    expect(objectionTo({ traffic: { onExceed: 'Throttle' } })).toContain('traffic.throttleMbit')
    expect(objectionTo({ traffic: { onExceed: 'Throttle', throttleMbit: 10 } })).toBeUndefined()
  })
})

describe('a VM held off by its traffic', () => {
  it('is suspended although nobody has written it into the spec, and says until when', () => {
    expect(isSuspended(held())).toBe(true)
    expect(holdersOf(held())).toBe('traffic (1.0 TiB of 1.0 TiB used in the period that ends 2026-12-01T00:00:00Z)')
    expect(suspendedSentence(held())).toMatch(/the one by traffic ends with the period \(2026-12-01T00:00:00Z\) or with a higher limit\.$/)
    expect(holdersOf(held({ suspensions: [{ by: 'billing', reason: 'unpaid' }] }))).toMatch(/^billing \(unpaid\), traffic \(/)
  })

  it('is worked on until the condition says so', () => {
    expect(isTrafficOpen(held())).toBe(true)
    const said = { type: 'Suspended', status: 'True' as const, reason: 'TrafficExceeded', message: '', lastTransitionTime: '' }
    expect(isTrafficOpen({ ...held(), status: { ...held().status, conditions: [said] } })).toBe(false)
    expect(isTrafficOpen({ ...held(), status: { usage, conditions: [said] } })).toBe(true)
  })
})

describe('a VM slowed down by its traffic', () => {
  const traffic = { onExceed: 'Throttle' as const, throttleMbit: 10 }
  const slow = { ...usage, exceeded: 'Throttle' }

  it('has the rate in its record once net0 has it, and loses it there when the limit does', () => {
    expect(throttleOf({ usage: slow }, traffic)).toBe(10)
    expect(throttleOf({ usage }, traffic)).toBeUndefined()
    const done = withTrafficRate({ usage: slow }, traffic)
    expect(done.usage?.throttledMbit).toBe(10)
    const { spec } = { spec: { ...aVm().spec, package: { traffic } } }
    expect(isThrottleOpen({ spec, status: { usage: slow } })).toBe(true)
    expect(isThrottleOpen({ spec, status: done })).toBe(false)
    expect(isThrottleOpen({ spec, status: { usage: { ...usage, throttledMbit: 10 } } })).toBe(true)
    expect(withTrafficRate({ usage: { ...usage, throttledMbit: 10 } }, traffic).usage).toEqual(usage)
  })
})

describe('bytes', () => {
  it.each([
    ['20T', 20e12],
    ['2Ti', 2 ** 41],
    ['1.5', 2],
    [0, 0],
  ] as [string | number, number][])('%s is %d', (written, bytes) => {
    expect(parseBytes(written)).toBe(bytes)
  })

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [20e12, '18.1 TiB'],
    [2 ** 50 - 1, '1023.9 TiB'],
    [2 ** 60, '1024.0 PiB'],
  ])('%d reads %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text)
  })
})
