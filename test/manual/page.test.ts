import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { commands, type CommandFacts } from '../../src/api/proxmoxvmcommand.ts'
import { localStatuses, statusesBeside } from '../../src/api/words.ts'

const root = join(import.meta.dirname, '../..')
const rows = readFileSync(join(root, 'docs/commands.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

describe('docs/commands.md', () => {
  it('has one line for every status', () => {
    const named = rows.map(([status]) => status)
    for (const status of [...localStatuses, ...Object.keys(statusesBeside)])
      expect([status, named.filter((cell) => cell === `\`${status}\``).length]).toEqual([status, 1])
  })

  it('has one line for every command, with its mark and what follows', () => {
    for (const [name, facts] of Object.entries<CommandFacts>(commands)) {
      const lines = rows.filter(([, command]) => command === `\`${name}\``)
      expect([name, lines.length]).toEqual([name, 1])
      const button = lines[0]?.[0] ?? ''
      expect([name, / (\*+)( →|$)/.exec(button)?.[1]]).toEqual([name, facts.mark])
      expect([name, button.includes('→')]).toEqual([name, facts.leadsTo !== undefined])
    }
  })

  it('names a test for each, and each of them exists', () => {
    for (const row of rows.filter((cells) => cells.at(-1) !== 'test')) {
      expect(row).toHaveLength(5)
      const file = row.at(-1)?.replaceAll('`', '') ?? ''
      expect([file, existsSync(join(root, file))]).toEqual([file, true])
    }
  })
})
