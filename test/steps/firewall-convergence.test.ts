import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { RuleOptions, WantedFirewall } from '../../src/ladder/machine.ts'
import { afterWrite, nextWrite } from '../../src/steps/set-firewall.ts'
import { lookAt, written, type FirewallFile } from './pve-firewall-file.ts'
import { wantingFirewall } from './seen-and-want.ts'
import { ruleMarker, ruleName } from '../../src/ladder/mark.ts'

const bit = fc.constantFrom('0', '1')
const names = ['ssh', 'web', 'icmp', 'no-smtp', 'dns']
const ruleBody = fc.record({
  type: fc.constantFrom('in', 'out'),
  action: fc.constantFrom('ACCEPT', 'DROP', 'REJECT'),
  enable: fc.constant('1'),
  proto: fc.constantFrom('tcp', 'udp'),
  dport: fc.constantFrom('22', '80,443'),
})
const ourRule = fc
  .tuple(fc.constantFrom(...names), ruleBody)
  .map(([name, body]): RuleOptions => ({ ...body, comment: `${ruleMarker}${name}` }))
const foreignRule = fc
  .tuple(fc.constantFrom('an admin', 'antivirus', ''), ruleBody)
  .map(([comment, body]): RuleOptions => ({ ...body, comment }))
const address = fc.constantFrom('203.0.113.10', '203.0.113.11', '2001:db8::10', '2001:db8::11')
const options = fc.record(
  {
    enable: bit,
    policy_in: fc.constantFrom('ACCEPT', 'DROP', 'REJECT'),
    dhcp: bit,
    ipfilter: bit,
    macfilter: bit,
    log_level_in: fc.constant('info'),
  },
  { requiredKeys: [] },
)

const anyFile: fc.Arbitrary<FirewallFile> = fc.record(
  {
    options,
    rules: fc.array(fc.oneof(ourRule, foreignRule), { maxLength: 10 }),
    ipfilter: fc.uniqueArray(fc.oneof(address, fc.constant('10.0.0.0/8'))),
  },
  { requiredKeys: ['options', 'rules'] },
)
const anyWish: fc.Arbitrary<WantedFirewall> = fc
  .record(
    {
      rules: fc.uniqueArray(ourRule, { selector: (rule) => rule['comment'] ?? '', maxLength: 5 }),
      enable: bit,
      ipfilter: fc.uniqueArray(address, { minLength: 1 }),
    },
    { requiredKeys: ['rules', 'enable'] },
  )
  .map(({ rules, enable, ipfilter }) =>
    wantingFirewall({ rules, options: { ...wantingFirewall().options, enable }, ...(ipfilter && { ipfilter }) }),
  )

/** Every state on the way, the first and the last included. */
function way(start: FirewallFile, want: WantedFirewall): [FirewallFile, ...FirewallFile[]] {
  const states: [FirewallFile, ...FirewallFile[]] = [start]
  for (let turns = 0; turns < 60; turns++) {
    const now = states.at(-1) ?? start
    const write = nextWrite(lookAt(now), want)
    if (!write) return states
    states.push(written(now, write))
  }
  throw new Error('it does not converge')
}

const isForeign = (rule: RuleOptions) => ruleName(rule['comment']) === undefined
const foreign = (file: FirewallFile) => file.rules.filter(isForeign)
const has = (rules: readonly RuleOptions[], rule: RuleOptions) => rules.some((other) => same(other, rule))
const same = isDeepStrictEqual
const sorted = (entries: readonly string[] | undefined) => entries?.toSorted()
const pairs = (states: readonly FirewallFile[]) => states.slice(1).map((after, index) => [states[index] as FirewallFile, after] as const)

describe('from any firewall towards any other', () => {
  /** The smallest way on which the claim is wrong, told by fast-check; undefined: none was found. */
  const wayWithout = (claim: (states: readonly [FirewallFile, ...FirewallFile[]], want: WantedFirewall) => boolean) => {
    const details = fc.check(
      fc.property(anyFile, anyWish, (start, want) => claim(way(start, want), want)),
      { numRuns: 200 },
    )
    return details.failed ? fc.defaultReportMessage(details) : undefined
  }
  const last = (states: readonly [FirewallFile, ...FirewallFile[]]) => states.at(-1) ?? states[0]

  it('our rules end as one block on top, and the foreign ones below in their own order', () => {
    expect(wayWithout((states, want) => same(last(states).rules, [...want.rules, ...foreign(states[0])]))).toBeUndefined()
  })

  it('no foreign rule is ever gone or out of its order', () => {
    expect(wayWithout((states) => states.every((state) => same(foreign(state), foreign(states[0]))))).toBeUndefined()
  })

  it('a wanted rule that is there never goes', () => {
    expect(
      wayWithout((states, want) =>
        pairs(states).every(([before, after]) => want.rules.every((rule) => !has(before.rules, rule) || has(after.rules, rule))),
      ),
    ).toBeUndefined()
  })

  it('an allotted address that is let through is always let through', () => {
    expect(
      wayWithout((states, want) =>
        pairs(states).every(([before, after]) =>
          (want.ipfilter ?? []).every((allotted) => !before.ipfilter?.includes(allotted) || after.ipfilter?.includes(allotted)),
        ),
      ),
    ).toBeUndefined()
  })

  it('the set ends with exactly the allotted addresses', () => {
    expect(wayWithout((states, want) => same(sorted(last(states).ipfilter), sorted(want.ipfilter)))).toBeUndefined()
  })

  it('the firewall is switched on only after everything else is right', () => {
    expect(
      wayWithout((states, want) => {
        const on = states.find((state, index) => index > 0 && state.options['enable'] === '1' && states[0].options['enable'] !== '1')
        return !on || nextWrite({ ...lookAt(on), options: want.options }, want) === undefined
      }),
    ).toBeUndefined()
  })

  it('what is foreseen of a write is what a look would show', () => {
    expect(
      wayWithout((states, want) =>
        pairs(states).every(([before, after]) => {
          const write = nextWrite(lookAt(before), want)
          const foreseen = write && afterWrite(lookAt(before), write)
          const shown = lookAt(after)
          return (
            !foreseen ||
            (same(foreseen.rules, shown.rules) &&
              same(foreseen.options, shown.options) &&
              same(sorted(foreseen.ipfilter), sorted(shown.ipfilter)))
          )
        }),
      ),
    ).toBeUndefined()
  })
})
