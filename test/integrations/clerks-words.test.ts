import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { clerksWords, inClerksWords } from '../../examples/billing-bridge/clerks-words.ts'
import { type Reason, reasons } from '../../src/api/reasons.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/billing-bridge.md'), 'utf8')

/** Said of pools, clusters and zones only: a VM that waits for one of these says PoolInvalid, ClusterNotReady and the like. */
const neverOfVMs: readonly Reason[] = [
  'MissingPrivileges',
  'UnsupportedVersion',
  'CredentialsNotFound',
  'Exhausted',
  'Overlapping',
  'InUse',
  'FiguresMissing',
]

describe('the words for clerks', () => {
  it('are there for every reason a VM or a command can give, and for no other', () => {
    const wanted = Object.entries(reasons).flatMap(([reason, { who }]) => (who === 'nobody' ? [] : [reason]))
    expect([...Object.keys(clerksWords), ...neverOfVMs].toSorted()).toEqual(wanted.toSorted())
  })

  it('are the table of docs/billing-bridge.md, with who acts from the list of reasons', () => {
    const rows = Object.entries(clerksWords).map(([reason, words]) => `| \`${reason}\` | ${reasons[reason as Reason].who} | ${words} |`)
    const table = /<!-- reasons -->\n\n.*\n\| --- \| --- \| --- \|\n([^]*?)\n\n<!-- end of reasons -->/.exec(page)?.[1]
    expect(table?.split('\n')).toEqual(rows)
  })

  it('tell the clerk whom to ask when an administrator must act, and to wait when waiting is enough', () => {
    const missing = Object.entries(clerksWords).filter(([reason, words]) => {
      const { who } = reasons[reason as Reason]
      return (who === 'admin' && !words.includes('administrator')) || (who === 'operator' && !words.includes('Wait'))
    })
    expect(missing).toEqual([])
  })

  it('send what they do not know to an administrator', () => {
    expect(inClerksWords('ANewReason')).toContain('administrator')
  })

  it('stand on a page that names no condition and no reason there is not', () => {
    const named = [...page.matchAll(/`[A-Z]\w+=(?:True|False)\/(\w+)`/g)].map((found) => found[1] ?? '')
    expect(named.filter((reason) => !(reason in reasons))).toEqual([])
    expect(named).toContain('DiskShrinkRefused')
  })
})
