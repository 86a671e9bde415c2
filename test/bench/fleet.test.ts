import { describe, expect, it } from '@jest/globals'
import { plotOf } from '../../src/bench/plot.ts'
import { asMarkdown, printed, type Section } from '../../src/bench/report.ts'
import { sizesUpTo } from '../../src/bench/fleet.ts'
import { spread } from '../../src/bench/fleet-setting.ts'

const section: Section = {
  name: 'fleet',
  title: 'A growing fleet',
  setting: 'A setting.',
  command: 'make bench FLEET=1',
  figures: [],
  grid: {
    title: 'VMs',
    columns: ['1,000', '3,000'],
    rows: [{ what: 'memory', values: ['200 MB', '700 MB'], budget: { text: '< 600 MB', met: false } }],
  },
  tables: [],
}

describe('the bench of a fleet', () => {
  it('measures at 1,000, 3,000 and 10,000, or up to what is asked for, and a small one at a tenth, a third and the whole', () => {
    expect(sizesUpTo(10_000)).toEqual([1_000, 3_000, 10_000])
    expect(sizesUpTo(2_000)).toEqual([1_000, 2_000])
    expect(sizesUpTo(300)).toEqual([30, 100, 300])
    expect(sizesUpTo(1)).toEqual([1])
  })

  it('shows a figure at several sizes in one row, with its budget and whether it is met', () => {
    expect(asMarkdown(section)).toContain('| VMs | 1,000 | 3,000 | budget |  |')
    expect(asMarkdown(section)).toContain('| memory | 200 MB | 700 MB | < 600 MB | **missed** |')
    expect(printed(section)).toMatch(/memory +200 MB +700 MB +MISSED budget < 600 MB/)
  })

  it('picks VMs from the whole of it, and each once', () => {
    expect(spread(1_000, 4)).toEqual([1, 251, 501, 751])
    expect(spread(1_000, 4, 2)).toEqual([2, 252, 502, 752])
    expect(new Set(spread(30, 20)).size).toBe(20)
  })

  it('draws each curve with its points, its budget and its sizes', () => {
    const svg = plotOf([1_000, 3_000, 10_000], [{ title: 'memory', unit: 'MB', points: [200, 300, 500], budget: 600 }])
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    expect(svg.match(/<circle /g)).toHaveLength(3)
    expect(svg).toContain('class="b"')
    for (const text of ['memory, MB', '>10,000<', '>600<']) expect(svg).toContain(text)
    const [low, high] = [...svg.matchAll(/cy="([\d.]+)"/g)].map(([, y]) => Number(y))
    expect(low).toBeGreaterThan(high ?? 0)
  })

  it('draws one size alone', () => {
    expect(plotOf([20], [{ title: 'restart', unit: 's', points: [0] }])).not.toMatch(/NaN|Infinity/)
  })
})
