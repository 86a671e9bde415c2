import { describe, expect, it } from '@jest/globals'
import type { Orphan } from '../../src/api/dnszone.ts'
import { leftOf, orphanRecords } from '../../src/dns/audit.ts'

const orphan = (uid: string, ...names: string[]): Orphan => ({
  vm: `customer-7/${uid}`,
  uid,
  since: '2026-11-26T10:00:00Z',
  records: names.map((name) => ({ name, type: 'A', values: ['192.0.2.1'] })),
})

describe('the records of deleted VMs', () => {
  it('stay on the list for the one whose record is still there, when another one of that name has none', () => {
    const orphans = [orphan('first', 'web.example.test'), orphan('second', 'web.example.test', 'other.example.test')]
    const ofSecond = orphanRecords(orphans).filter((each) => each.orphan.uid === 'second' && each.record.name === 'web.example.test')
    expect(leftOf(orphans, new Set(ofSecond))).toEqual([orphan('first', 'web.example.test'), orphan('second', 'other.example.test')])
  })

  it('leave the list with the last of them', () => {
    const orphans = [orphan('first', 'web.example.test')]
    expect(leftOf(orphans, new Set(orphanRecords(orphans)))).toEqual([])
  })
})
