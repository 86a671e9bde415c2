import { describe, expect, it } from '@jest/globals'
import { electionFlags, electionTimesOf } from '../../src/kube/election-flags.ts'
import { electionDefaults } from '../../src/kube/election-times.ts'

const flags = (lease: string, deadline: string, retry: string) => ({
  leaderElectLeaseDuration: lease,
  leaderElectRenewDeadline: deadline,
  leaderElectRetryPeriod: retry,
})

describe('the times of the election', () => {
  it('are by default those that the help names', () => {
    const [lease = '', deadline = '', retry = ''] = electionFlags.map(([, , fallback]) => fallback)
    expect(electionTimesOf(flags(lease, deadline, retry))).toEqual(electionDefaults)
  })

  it('are read as Go durations', () => {
    expect(electionTimesOf(flags('1m', '10s', '1500ms'))).toEqual({ leaseSeconds: 60, renewDeadlineSeconds: 10, retrySeconds: 1.5 })
  })

  it.each([
    ['a Lease of a part of a second', flags('2500ms', '2s', '1s'), '--leader-elect-lease-duration is 2.5 s; write whole seconds'],
    ['no Lease at all', flags('0', '2s', '1s'), '--leader-elect-lease-duration is 0 s; write whole seconds, 1 or more'],
    [
      'a deadline after the Lease',
      flags('5s', '5s', '1s'),
      '--leader-elect-renew-deadline is 5 s; write less than --leader-elect-lease-duration, which is 5 s',
    ],
    [
      'a pause that a renewal does not fit into',
      flags('5s', '3s', '2600ms'),
      '--leader-elect-retry-period is 2.6 s; write less than 2.5 s',
    ],
    ['no pause', flags('5s', '3s', '0s'), '--leader-elect-retry-period is 0 s; write more than 0'],
    ['a number without a unit', flags('5', '3s', '1s'), '--leader-elect-lease-duration: "5" is not a valid duration; write 90s'],
  ])('are refused when there is %s', (_, given, sentence) => {
    expect(() => electionTimesOf(given)).toThrow(sentence)
  })
})
