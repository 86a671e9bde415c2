/** When the example of a billing bridge leaves a VM off after a change of package. */
import { describe, expect, it } from '@jest/globals'
import { isHeldOff, type VM } from '../../examples/billing-bridge/vm.ts'

const vm = (spec: Partial<VM['spec']>, status: Partial<VM['status']> = {}) => ({ spec, status }) as unknown as VM

describe('the billing bridge', () => {
  it('waits for no start of a VM that is Halted, suspended, or held off by its traffic', () => {
    expect(isHeldOff(vm({ runStrategy: 'Halted' }))).toBe(true)
    expect(isHeldOff(vm({ runStrategy: 'Once', suspensions: [{ by: 'abuse', reason: 'spam' }] }))).toBe(true)
    expect(isHeldOff(vm({ runStrategy: 'Once' }, { usage: { exceeded: 'Suspend' } }))).toBe(true)
  })

  it('has a VM started that is only off, or whose traffic is throttled', () => {
    expect(isHeldOff(vm({ runStrategy: 'Once' }))).toBe(false)
    expect(isHeldOff(vm({ runStrategy: 'Once' }, { usage: { exceeded: 'Throttle' } }))).toBe(false)
  })
})
