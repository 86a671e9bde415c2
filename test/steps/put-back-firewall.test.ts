import { describe, expect, it } from '@jest/globals'
import type { ForeignFirewall, RuleOptions } from '../../src/ladder/machine.ts'
import type { PutBack } from '../../src/ladder/guest-writer.ts'
import { described, nextPutBack } from '../../src/steps/put-back-firewall.ts'

const none: ForeignFirewall = { rules: [], aliases: [], sets: [] }
const rule = (dport: string): RuleOptions => ({ type: 'in', action: 'ACCEPT', enable: '1', proto: 'tcp', dport })
const own: ForeignFirewall = {
  rules: [rule('22'), rule('80'), rule('22')],
  aliases: [{ name: 'office', cidr: '198.51.100.0/24' }],
  sets: [{ name: 'admins', comment: 'ours', entries: [{ cidr: 'office' }, { cidr: '192.0.2.1', nomatch: true }] }],
}

/** What PVE's file shows after the entry was added. */
function after(now: ForeignFirewall, entry: PutBack): ForeignFirewall {
  switch (entry.put) {
    case 'alias':
      return { ...now, aliases: [...now.aliases, entry.alias] }
    case 'set':
      return { ...now, sets: [...now.sets, { name: entry.name, entries: [], ...(entry.comment && { comment: entry.comment }) }] }
    case 'entry':
      return { ...now, sets: now.sets.map((set) => (set.name === entry.set ? { ...set, entries: [...set.entries, entry.entry] } : set)) }
    case 'rule':
      return { ...now, rules: [entry.rule, ...now.rules] }
    case 'network card':
      return now
  }
}

describe('what people had put into the firewall', () => {
  it('comes back one entry at a time, names before what uses them, and in its old order', () => {
    const told: string[] = []
    let now = none
    for (let next = nextPutBack(now, own); next; next = nextPutBack(now, own)) {
      told.push(described(next).replace(/ of the former VM is missing$/, ''))
      now = after(now, next)
    }

    expect(now).toEqual(own)
    expect(told).toEqual([
      'firewall alias office',
      'IP set admins',
      'office in IP set admins',
      '192.0.2.1 in IP set admins',
      'firewall rule in ACCEPT port 22',
      'firewall rule in ACCEPT port 80',
      'firewall rule in ACCEPT port 22',
    ])
  })

  it('stays where it is when it is there, beside what the template has', () => {
    const beside = { ...own, rules: [...own.rules, rule('443')], aliases: [{ name: 'OFFICE', cidr: '198.51.100.0/24' }] }

    expect(nextPutBack(beside, own)).toBeUndefined()
  })
})
