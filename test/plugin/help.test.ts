import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { commandNames, commands, rightOf } from '../../src/api/proxmoxvmcommand.ts'
import { buttonName } from '../../src/plugin/button-names.ts'
import { pve } from './terminal.ts'

describe('the help', () => {
  it('lists every button with its mark, what must hold and where it leads', async () => {
    const { code, out } = await pve(['--help'])
    expect(code).toBe(0)
    const file = join(import.meta.dirname, 'golden/help.txt')
    if (process.env.GOLDEN) writeFileSync(file, out)
    expect(out).toBe(readFileSync(file, 'utf8'))
  })

  it.each(commandNames)('names the button %s so that no letter of the manual is lost', (name) => {
    expect(buttonName(name).replaceAll('-', '')).toBe(rightOf(name))
  })

  it.each(commandNames)('has a sub-command for %s that waits unless told not to', async (name) => {
    const { code, out } = await pve([buttonName(name), '--help'])
    expect(code).toBe(0)
    expect(out).toContain(`Usage: kubectl pve ${buttonName(name)} [options] ${name === 'ChangePackage' ? '[vm]' : '<vm>'}`)
    expect(out).toContain('--dry-run')
    expect(out).toMatch(/--timeout <duration>.*\(default: 10m\)/)
    expect(out).toContain('--no-wait')
    expect(out).toContain('--namespace')
    expect(out.includes('→')).toBe('leadsTo' in commands[name])
  })

  it.each([
    [['strat', 'small'], "unknown command 'strat'"],
    [['start'], "missing required argument 'vm'"],
    [['suspend', 'small'], "required option '--reason <text>' not specified"],
    [['start', 'small', '--ttl', 'soon'], 'write a duration such as 90s, 10m or 1h'],
    [['change-package', 'small', '--cores', '2.5'], 'write a whole number'],
    [['pools', '-o', 'yaml'], 'Allowed choices are json'],
  ])('answers %j with exit code 2 and what is wrong', async (args, sentence) => {
    const { code, err, out } = await pve(args)
    expect(code).toBe(2)
    expect(err).toContain(sentence)
    expect(out).toBe('')
  })

  it('says which kubeconfig is not there', async () => {
    expect(await pve(['pools', '--kubeconfig', '/nowhere/config'])).toEqual({
      code: 1,
      out: '',
      err: 'kubectl pve: kubeconfig /nowhere/config does not exist\n',
    })
  })
})
