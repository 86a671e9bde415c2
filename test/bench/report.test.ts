import { describe, expect, it } from '@jest/globals'
import { grown, ofResources, resourceOf, total, writesOf } from '../../src/bench/counts.ts'
import { asMarkdown, printed, replaced, type Section, withinBudget } from '../../src/bench/report.ts'

const section: Section = {
  name: 'one-vm',
  title: 'One VM',
  setting: 'A setting.',
  command: 'make bench',
  figures: [
    { what: 'writes', measured: '12', budget: withinBudget(12, 12, '≤ 12') },
    { what: 'seconds', measured: '1.40', budget: withinBudget(1, 1.4, '< 1 s') },
    { what: 'memory', measured: '90 MB' },
  ],
  tables: [{ title: 'requests', counts: { 'GET /version': 1 } }],
}

describe('the bench', () => {
  it('shows each budget beside its figure, and whether it is met', () => {
    expect(printed(section)).toMatch(/writes +12 +ok +budget ≤ 12/)
    expect(printed(section)).toMatch(/seconds +1\.40 +MISSED budget < 1 s/)
    expect(asMarkdown(section)).toContain('| seconds | 1.40 | < 1 s | **missed** |')
    expect(asMarkdown(section)).toContain('| `GET /version` | 1 |')
  })

  it('replaces its own section of the page and leaves the others', () => {
    const page = replaced(replaced('# Performance\n', section), { ...section, name: 'idle', title: 'Idle' })

    const again = replaced(page, { ...section, title: 'One VM, measured again' })

    expect(again).toContain('## One VM, measured again')
    expect(again).not.toContain('## One VM\n')
    expect(again).toContain('## Idle')
    expect(again.match(/<!-- one-vm -->/g)).toHaveLength(1)
  })

  it('counts what was added between two looks', () => {
    expect(grown({ a: 1, b: 2 }, { a: 3, b: 2, c: 5 })).toEqual({ c: 5, a: 2 })
  })

  it('tells writes from reads, and kinds apart', () => {
    const writes = { 'PUT proxmoxvms/status': 3, 'POST pooladdresses': 2, 'PUT leases': 9 }

    expect(total(writesOf({ 'GET /version': 4, 'POST /nodes/{node}/qemu/{vmid}/clone': 1 }))).toBe(1)
    expect(resourceOf('PUT proxmoxvms/status')).toBe('proxmoxvms')
    expect(total(ofResources(writes, ['proxmoxvms', 'pooladdresses']))).toBe(5)
  })
})
