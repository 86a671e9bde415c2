/** The alerts as a rule file for a Prometheus without its operator; their source is the PrometheusRule. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const rulesFile = 'deploy/alerts.rules.yaml'

/** The groups of the PrometheusRule, word for word, moved to the margin. Throws when it has none. */
export function plainRules(home: string): string {
  const lines = readFileSync(join(home, 'deploy/alerts.yaml'), 'utf8').split('\n')
  const at = lines.indexOf('  groups:')
  if (at === -1) throw new Error('deploy/alerts.yaml has no line "  groups:" below spec')
  const groups = lines.slice(at).map((line) => line.replace(/^ {2}/, ''))
  return `# Written by make rules from deploy/alerts.yaml; edit that. For rule_files of a plain Prometheus.\n${groups.join('\n').trimEnd()}\n`
}
