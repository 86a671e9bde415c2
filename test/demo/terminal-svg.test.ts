import { describe, expect, it } from '@jest/globals'
import { terminalSvg } from '../../src/demo/terminal-svg.ts'

const linesOf = (picture: string): (string | undefined)[] =>
  [...picture.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map((line) => line[1]?.replace(/<[^>]+>/g, '').replaceAll('\u00a0', ' '))

describe('the picture of a terminal', () => {
  const picture = terminalSvg({
    title: 'pools & addresses',
    screens: [
      { command: 'kubectl pve pools', output: 'NAME   FREE\nv4     <80>\n\n' },
      { command: 'kubectl pve who 203.0.113.10', output: 'nobody' },
    ],
  })

  it('shows each command behind a prompt and what it prints below it', () => {
    expect(linesOf(picture)).toEqual([
      '$ kubectl pve pools',
      'NAME   FREE',
      'v4     &lt;80&gt;',
      '$ kubectl pve who 203.0.113.10',
      'nobody',
    ])
  })

  it('breaks a long line between words, and a word only when it is wider than the picture', () => {
    const output = `${'word '.repeat(25)}longer next\n${'x'.repeat(140)}`
    const long = terminalSvg({ title: 'long', screens: [{ command: 'say', output }] })
    expect(linesOf(long)).toEqual(['$ say', `${'word '.repeat(25)}`.trimEnd(), 'longer next', 'x'.repeat(130), 'x'.repeat(10)])
  })

  it('has a title for those who do not see it, and is as wide as its longest line', () => {
    expect(picture).toContain('<title>pools &amp; addresses</title>')
    const [, width = 0] = /width="(\d+)"/.exec(picture) ?? []
    expect(Number(width)).toBe(Math.ceil('$ kubectl pve who 203.0.113.10'.length * 7.83 + 32))
  })
})
