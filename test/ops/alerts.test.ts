import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { registerCapacity } from '../../src/ops/capacity-gauges.ts'
import { registerSellable } from '../../src/ops/sellable-gauges.ts'
import { registerTraffic } from '../../src/ops/traffic-gauges.ts'
import { registerGauges } from '../../src/ops/gauges.ts'
import { Metrics } from '../../src/ops/metrics.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Names of series as PromQL spells them: a histogram is asked by its parts. */
function exposed(): Set<string> {
  const metrics = new Metrics({ version: '1' })
  registerGauges(metrics.registry, {})
  registerCapacity(metrics.registry, () => [])
  registerTraffic(metrics.registry, () => [])
  registerSellable(metrics.registry, () => [])
  return new Set(metrics.registry.getMetricsAsArray().flatMap(({ name }) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]))
}

function asked(expression: string): string[] {
  return [...expression.matchAll(/\b((?:pve_operator|workqueue|controller_runtime|leader_election|process|nodejs)_[a-z0-9_]+)\b/g)].map(
    (name) => name[1] ?? '',
  )
}

interface Rules {
  spec: { groups: { rules: { alert: string; expr: string; annotations: { summary?: string; runbook?: string } }[] }[] }
}

describe('alerts and dashboard', () => {
  it('ask only for metrics that exist', () => {
    const rules = (parse(read('deploy/alerts.yaml')) as Rules).spec.groups.flatMap((group) => group.rules.map((rule) => rule.expr))
    const dashboards = ['deploy/dashboard.json', 'deploy/dashboard-selling.json'].map(read)
    const panels = dashboards.flatMap((text) => (JSON.parse(text) as { panels: { targets: { expr: string }[] }[] }).panels)
    const expressions = [...rules, ...panels.flatMap((panel) => panel.targets.map((target) => target.expr))]
    const known = exposed()

    expect(expressions.flatMap(asked).length).toBeGreaterThan(20)
    expect(expressions.flatMap(asked).filter((name) => !known.has(name))).toEqual([])
  })

  it('say in one sentence what is wrong', () => {
    const rules = (parse(read('deploy/alerts.yaml')) as Rules).spec.groups.flatMap((group) => group.rules)

    expect(rules.filter((rule) => !rule.annotations.summary?.endsWith('.'))).toEqual([])
  })

  it('lead to a heading of the runbook', () => {
    const rules = (parse(read('deploy/alerts.yaml')) as Rules).spec.groups.flatMap((group) => group.rules)
    const headings = new Set(
      [...read('docs/runbook.md').matchAll(/^## (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-')),
    )
    const led = rules.filter(({ annotations }) => annotations.runbook !== undefined)

    expect(led.filter(({ annotations }) => !headings.has(annotations.runbook?.split('#')[1] ?? '')).map(({ alert }) => alert)).toEqual([])
    expect(led.map(({ alert }) => alert)).toEqual(
      expect.arrayContaining(['PveVMMissing', 'PveVMsStalled', 'PveNodeOffline', 'PveUnauthorized', 'PveSuspensionNotEnforced']),
    )
  })
})
