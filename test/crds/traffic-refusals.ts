/** Bad manifests of traffic; see refusals.ts. */
import type { Fields } from './manifests.ts'

const pack = (what: string, traffic: Fields, says: string) => ({ what, kind: 'VMPackage' as const, change: { traffic }, says })
const limit = 'limit: write 0 (unlimited) or a quantity of bytes from 1M to 8Pi, such as 20T'

export const trafficRefusals = [
  pack('traffic that is no quantity', { limit: '20 TB' }, limit),
  pack('a bare number of terabytes of traffic', { limit: 20 }, limit),
  pack('less traffic than nothing', { limit: '-1T' }, limit),
  pack('a few bytes of traffic', { limit: '512k' }, limit),
  pack('more traffic than can be counted', { limit: '9Pi' }, limit),
  pack('a period that begins on day 0', { resetDay: 0 }, 'should be greater than or equal to 1'),
  pack('a period that begins on day 32', { resetDay: 32 }, 'should be less than or equal to 31'),
  pack('an unknown way at the limit', { onExceed: 'Bill' }, 'supported values: "Report", "Throttle", "Suspend"'),
]
