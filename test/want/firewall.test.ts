import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../src/api/package.ts'
import { wantedFirewall } from '../../src/want/firewall.ts'
import { ruleName } from '../../src/ladder/mark.ts'

type Firewall = NonNullable<Package['firewall']>
type Rule = NonNullable<Firewall['rules']>[number]

const ssh: Rule = { name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' }
const rules = (...declared: Rule[]) => wantedFirewall({ rules: declared }, []).rules

describe('the options', () => {
  const safe = { enable: '0', policy_in: 'DROP', policy_out: 'ACCEPT', macfilter: '1', dhcp: '1', ndp: '1', radv: '0', ipfilter: '0' }

  it.each<[claim: string, firewall: Firewall | undefined, options: Record<string, string>]>([
    ['are written even where no firewall is sold, since a template hands its own on', undefined, safe],
    ['switch it on', { enabled: true }, { ...safe, enable: '1' }],
    ['carry the policies', { policyIn: 'ACCEPT', policyOut: 'REJECT' }, { ...safe, policy_in: 'ACCEPT', policy_out: 'REJECT' }],
    ['let foreign MACs through only when that is sold', { macFilter: false }, { ...safe, macfilter: '0' }],
  ])('%s', (_claim, firewall, options) => expect(wantedFirewall(firewall, []).options).toEqual(options))
})

describe('a rule', () => {
  it('is enabled, and found again by its comment', () => {
    expect(rules(ssh)).toEqual([{ type: 'in', action: 'ACCEPT', enable: '1', macro: 'SSH', comment: 'pve.hosting/rule=ssh' }])
  })

  it('carries every field', () => {
    const rule: Rule = {
      name: 'no-smtp',
      direction: 'out',
      action: 'REJECT',
      protocol: 'tcp',
      sourcePorts: '1024:65535',
      destinationPorts: '25,465',
      source: '203.0.113.10',
      destination: '+blocked',
      log: 'info',
      comment: 'lifted on request',
    }

    expect(rules(rule)).toEqual([
      {
        type: 'out',
        action: 'REJECT',
        enable: '1',
        proto: 'tcp',
        sport: '1024:65535',
        dport: '25,465',
        source: '203.0.113.10',
        dest: '+blocked',
        log: 'info',
        comment: 'pve.hosting/rule=no-smtp lifted on request',
      },
    ])
  })

  it('is gone when it is lifted', () => expect(rules(ssh, { ...ssh, name: 'web', enabled: false })).toHaveLength(1))

  it.each<[comment: string | undefined, name: string | undefined]>([
    ['pve.hosting/rule=ssh', 'ssh'],
    ['pve.hosting/rule=ssh for Anna', 'ssh'],
    ['for Anna pve.hosting/rule=ssh', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('with the comment %j is ours by the name %j', (comment, name) => expect(ruleName(comment)).toBe(name))
})

describe('the anti-spoofing set', () => {
  it.each<[firewall: Firewall, addresses: string[], set: string[] | undefined]>([
    [{ antiSpoofing: true }, ['203.0.113.10', '203.0.113.11'], ['203.0.113.10', '203.0.113.11']],
    [{ antiSpoofing: true }, [], undefined], // DHCP: nobody knows the address
    [{ antiSpoofing: false }, ['203.0.113.10'], undefined],
    [{}, ['203.0.113.10'], undefined],
  ])('of %j with %j is %j', (firewall, addresses, set) => expect(wantedFirewall(firewall, addresses).ipfilter).toEqual(set))
})
