import { describe, expect, it } from '@jest/globals'
import type { FirewallSeen, RuleOptions, WantedFirewall } from '../../src/ladder/machine.ts'
import { satisfied } from '../../src/ladder/step.ts'
import { afterWrite, needsRulesDigest, nextWrite, setFirewall } from '../../src/steps/set-firewall.ts'
import { seeing, settledValues, wanting, wantingFirewall } from './seen-and-want.ts'
import type { FirewallWrite } from '../../src/ladder/guest-writer.ts'
import { ruleMarker } from '../../src/ladder/mark.ts'

const ours = (name: string, over: RuleOptions = {}): RuleOptions => ({
  type: 'in',
  action: 'ACCEPT',
  enable: '1',
  proto: 'tcp',
  comment: `${ruleMarker}${name}`,
  ...over,
})
const foreign = (name: string): RuleOptions => ({ type: 'in', action: 'DROP', enable: '1', comment: name })

const listed = (...rules: readonly RuleOptions[]): FirewallSeen['rules'] => rules.map((fields, pos) => ({ pos, fields }))
const empty: FirewallSeen = { options: {}, rules: [] }
const seen = (over: Partial<FirewallSeen>): FirewallSeen => ({ ...empty, ...over })
const [a, b, c] = [ours('a'), ours('b'), ours('c')]

/** Every write from here on, planned on what each leaves behind. */
function writes(now: FirewallSeen | undefined, want: WantedFirewall): FirewallWrite[] {
  const write = now && nextWrite(now, want)
  return write ? [write, ...writes(now && afterWrite(now, write), want)] : []
}

describe('the firewall of a birth', () => {
  it('creates the set, fills it, adds the rules last first and enables last', () => {
    const want = wantingFirewall({
      options: { ...wantingFirewall().options, enable: '1' },
      rules: [a, b, c],
      ipfilter: ['203.0.113.10', '2001:db8:a::100'],
    })

    expect(writes(empty, want)).toEqual([
      { do: 'create-set' },
      { do: 'add-entry', address: '203.0.113.10' },
      { do: 'add-entry', address: '2001:db8:a::100' },
      { do: 'add-rule', rule: c },
      { do: 'add-rule', rule: b },
      { do: 'add-rule', rule: a },
      { do: 'set-options', options: { enable: '1' } },
    ])
  })

  it('writes nothing where no firewall is sold', () => expect(writes(empty, wantingFirewall())).toEqual([]))

  it('is satisfied once nothing is missing', () => {
    expect(setFirewall.check(seeing(settledValues, { firewall: empty }), wanting())).toEqual(satisfied)
  })
})

describe('the options', () => {
  it.each<[claim: string, now: Record<string, string>, want: Record<string, string>, sent: Record<string, string> | undefined]>([
    ['take an unset policy for its default', {}, { policy_in: 'DROP', policy_out: 'ACCEPT' }, undefined],
    ['set another policy', {}, { policy_in: 'REJECT' }, { policy_in: 'REJECT' }],
    ['allow DHCP that a template forbids', { dhcp: '0' }, { dhcp: '1' }, { dhcp: '1' }],
    ['take DHCP for allowed, whatever the schema says', {}, { dhcp: '1' }, undefined],
    ['switch off an ipfilter that would drop all IPv4', { ipfilter: '1' }, { ipfilter: '0' }, { ipfilter: '0' }],
    ['switch the firewall off', { enable: '1' }, { enable: '0' }, { enable: '0' }],
    ['leave those of an admin alone', { log_level_in: 'info' }, { enable: '0' }, undefined],
  ])('%s', (_claim, now, options, sent) => {
    expect(nextWrite(seen({ options: now }), { options, rules: [] })).toEqual(sent && { do: 'set-options', options: sent })
  })
})

describe('the anti-spoofing set', () => {
  const set = (now: readonly string[] | undefined, want: readonly string[] | undefined) =>
    nextWrite(now ? seen({ ipfilter: now }) : empty, { options: {}, rules: [], ...(want && { ipfilter: want }) })

  it.each<[claim: string, now: readonly string[] | undefined, want: readonly string[] | undefined, write: FirewallWrite | undefined]>([
    ['is right', ['203.0.113.10'], ['203.0.113.10'], undefined],
    ['knows an address with its whole length', ['203.0.113.10/32', '2001:db8::1/128'], ['203.0.113.10', '2001:db8::1'], undefined],
    ['knows IPv6 however it is spelled', ['2001:0DB8:0:0::1'], ['2001:db8::1'], undefined],
    ['takes no network for an address', ['2001:db8::/32'], ['2001:db8::'], { do: 'add-entry', address: '2001:db8::' }],
    ['adds the new address before the old one goes', ['203.0.113.10'], ['203.0.113.11'], { do: 'add-entry', address: '203.0.113.11' }],
    ['then removes the old one', ['203.0.113.10', '203.0.113.11'], ['203.0.113.11'], { do: 'remove-entry', entry: '203.0.113.10' }],
    ['removes what an admin let in', ['0.0.0.0/1', '203.0.113.10'], ['203.0.113.10'], { do: 'remove-entry', entry: '0.0.0.0/1' }],
    ['is emptied before it is deleted', ['203.0.113.10'], undefined, { do: 'remove-entry', entry: '203.0.113.10' }],
    ['is deleted when it is not wanted', [], undefined, { do: 'delete-set' }],
    ['is not made when it is not wanted', undefined, undefined, undefined],
  ])('%s', (_claim, now, want, write) => expect(set(now, want)).toEqual(write))
})

describe('the rules', () => {
  const next = (now: readonly RuleOptions[], want: readonly RuleOptions[]) =>
    nextWrite(seen({ rules: listed(...now) }), { options: {}, rules: want })
  const x = foreign('x')

  it.each<[claim: string, now: readonly RuleOptions[], want: readonly RuleOptions[], write: FirewallWrite | undefined]>([
    ['are right on top of foreign ones', [a, b, x], [a, b], undefined],
    ['are added last first', [x], [a, b], { do: 'add-rule', rule: b }],
    ['are added where they lack', [a, x], [a, b], { do: 'add-rule', rule: b }],
    ['go up when a foreign one was put above', [x, a], [a], { do: 'move-rule', from: 1, to: 0 }],
    ['are put back in order', [b, a], [a, b], { do: 'move-rule', from: 1, to: 0 }],
    ['go when the package drops them', [a, b, x], [a], { do: 'delete-rule', pos: 1, name: 'b' }],
    ['are added anew before the edited one goes', [ours('a', { dport: '22' })], [a], { do: 'add-rule', rule: a }],
    ['lose the edited one after that', [a, ours('a', { dport: '22' })], [a], { do: 'delete-rule', pos: 1, name: 'a' }],
    ['lose a copy that a lost answer left', [a, a], [a], { do: 'delete-rule', pos: 1, name: 'a' }],
    ['lose the lowest of several first, so that positions hold', [b, c, x], [], { do: 'delete-rule', pos: 1, name: 'c' }],
    ['are enabled again', [ours('a', { enable: '0' })], [a], { do: 'add-rule', rule: a }],
    ['are no longer bound to one NIC', [ours('a', { iface: 'net1' })], [a], { do: 'add-rule', rule: a }],
    ['leave foreign ones alone', [x, foreign('y')], [], undefined],
    ['know a macro however PVE spells it', [ours('a', { macro: 'SSH' })], [ours('a', { macro: 'ssh' })], undefined],
    ['know nolog for no log', [a], [ours('a', { log: 'nolog' })], undefined],
  ])('%s', (_claim, now, want, write) => expect(next(now, want)).toEqual(write))

  it('are moved and deleted only by the digest of their list', () => {
    expect(needsRulesDigest({ do: 'move-rule', from: 1, to: 0 })).toBe(true)
    expect(needsRulesDigest({ do: 'delete-rule', pos: 1, name: 'a' })).toBe(true)
    expect(needsRulesDigest({ do: 'add-rule', rule: a })).toBe(false)
    expect(afterWrite(seen({ rulesDigest: 'd' }), { do: 'add-rule', rule: a })?.rulesDigest).toBeUndefined()
  })

  it('are read again after a change that shifts positions', () => {
    for (const write of [
      { do: 'move-rule', from: 1, to: 0 },
      { do: 'delete-rule', pos: 0, name: 'a' },
    ] as const)
      expect(afterWrite(seen({ rules: listed(a, b) }), write)).toBeUndefined()
  })
})
