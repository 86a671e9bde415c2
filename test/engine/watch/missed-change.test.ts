import { describe, expect, it } from '@jest/globals'
import { hasMissedChange } from '../../../src/engine/watch/listing-wakes.ts'
import { done, retry, stalled } from '../../../src/ladder/outcome.ts'

const before = { all: 7, nodes: 2 }
const ofGuest = { all: 8, nodes: 2 }
const ofNode = { all: 8, nodes: 3 }

describe('a change of the listing during a pass', () => {
  it('is missed by a VM that waits for room or a storage, whatever changed', () => {
    const waits = stalled('StorageOff', '')
    expect([before, ofGuest, ofNode].map((now) => hasMissedChange(waits, before, now))).toEqual([false, true, true])
  })

  it.each(['NoQuorum', 'NodeOffline', 'ClusterUnreachable'] as const)('is missed by a VM with %s if it is one of a node', (reason) => {
    const waits = retry(reason, '')
    expect([before, ofGuest, ofNode].map((now) => hasMissedChange(waits, before, now))).toEqual([false, false, true])
  })

  it('is missed by nobody who waits for something else, or for nothing, or has no cluster', () => {
    expect(hasMissedChange(stalled('SecretNotFound', ''), before, ofNode)).toBe(false)
    expect(hasMissedChange(done, before, ofNode)).toBe(false)
    expect(hasMissedChange(stalled('ClusterNotFound', ''), undefined, undefined)).toBe(false)
  })
})
