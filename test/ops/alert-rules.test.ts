/** Each alert on series that make it fire and on series that do not, judged by the real promtool. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parse, stringify } from 'yaml'
import { plainRules, rulesFile } from '../../src/release/plain-rules.ts'
import { ensurePromtool } from '../../src/release/promtool.ts'
import { readText, root } from '../house/sources.ts'
import { alertCases } from './alert-cases.ts'

const isThere = Boolean(process.env.PROMTOOL) || spawnSync('go', ['version']).status === 0
if (!isThere) process.stderr.write('test/ops/alert-rules.test.ts skips promtool: there is neither PROMTOOL nor Go on this machine\n')

interface Rule {
  alert: string
  annotations: { summary: string; runbook?: string }
}

const rules = (parse(readText(rulesFile)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules)

describe('the rule file', () => {
  it('is the PrometheusRule for a plain Prometheus', () => {
    expect(readText(rulesFile)).toBe(plainRules(root))
  })

  it('has a case and a heading of the runbook for each alert', () => {
    const headings = new Set(
      [...readText('docs/runbook.md').matchAll(/^## (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-')),
    )
    const lost = rules.filter(({ annotations }) => !headings.has(/^docs\/runbook\.md#(.*)$/.exec(annotations.runbook ?? '')?.[1] ?? ''))
    expect(lost.map(({ alert }) => alert)).toEqual([])
    expect(Object.keys(alertCases).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
  })
})

const suite = isThere ? describe : describe.skip

suite('promtool', () => {
  let dir = ''
  let promtool = ''

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'pve-alerts-'))
    const { XDG_CACHE_HOME: cacheDir } = process.env
    promtool = await ensurePromtool({ ...(cacheDir && { cacheDir }), log: (line) => process.stderr.write(`${line}\n`) })
  }, 1_200_000)
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  it('takes the rules', () => {
    const { status, stdout } = spawnSync(promtool, ['check', 'rules', join(root, rulesFile)], { encoding: 'utf8' })
    expect(stdout).toContain(`${rules.length} rules found`)
    expect(status).toBe(0)
  })

  it.each(Object.entries(alertCases))('lets %s fire when it should, and only then', (alert, { series, quiet, after }) => {
    expect(tested(alert, series, after, 1)).toBe('')
    expect(tested(alert, quiet, after, 0)).toBe('')
  })

  it('renders the sentence of an alert', () => {
    const file = join(dir, 'sentence.yaml')
    const { series, after } = alertCases['PvePoolAlmostEmpty'] ?? { series: {}, after: '' }
    const [exp] = rules.filter((rule) => rule.alert === 'PvePoolAlmostEmpty')
    const exp_alerts = [
      {
        exp_labels: { severity: 'warning', pool: 'public-v4' },
        exp_annotations: { summary: 'Pool public-v4 has less than 5 % of its addresses free.', runbook: exp?.annotations.runbook },
      },
    ]
    write(file, series, { alert_rule_test: [{ eval_time: after, alertname: 'PvePoolAlmostEmpty', exp_alerts }] })
    expect(spawnSync(promtool, ['test', 'rules', file], { encoding: 'utf8' }).stdout).toContain('SUCCESS')
  })

  /** What promtool has against it; empty = `firing` alerts of that name. */
  function tested(alert: string, series: Readonly<Record<string, string>>, after: string, firing: number): string {
    const file = join(dir, `${alert}-${firing}.yaml`)
    const expr = `count(ALERTS{alertname="${alert}", alertstate="firing"}) or vector(0)`
    write(file, series, { promql_expr_test: [{ expr, eval_time: after, exp_samples: [{ labels: '{}', value: firing }] }] })
    const { stdout, stderr } = spawnSync(promtool, ['test', 'rules', file], { encoding: 'utf8' })
    return stdout.includes('SUCCESS') ? '' : `${stdout}${stderr}`
  }

  function write(file: string, series: Readonly<Record<string, string>>, what: object): void {
    const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }))
    const text = stringify({
      rule_files: [join(root, rulesFile)],
      evaluation_interval: '30s',
      tests: [{ interval: '30s', input_series, ...what }],
    })
    writeFileSync(file, text)
    expect(readFileSync(file, 'utf8')).toBe(text)
  }
})
