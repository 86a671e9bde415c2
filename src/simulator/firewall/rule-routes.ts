import { refuse } from '../http/refusal.ts'
import type { Call, Route } from '../routes.ts'
import { assertUnmodified, listDigest, withDigest } from './digest.ts'
import type { FirewallFile, FirewallRule } from './file.ts'
import { datacenterPlace, guestPlace, listOf, loadFile, saveFile, scopeOf, type Place } from './place.ts'
import { checkedRule, shownRule } from './rule-check.ts'
import { mergeRule, moved, withoutProperties, type RuleScope, type ShownRule } from './rules.ts'

/** A rule list and how it gets back into its file. */
interface RuleList {
  rules: readonly FirewallRule[]
  scope: RuleScope
  save(rules: FirewallRule[]): void
}

type Load = (call: Call) => RuleList

function placeRules(place: Place): Load {
  return (call) => {
    const file = loadFile(place, call)
    return {
      rules: file.rules,
      scope: scopeOf(place, call, file),
      save: (rules) => saveFile(place, call, { ...file, rules }),
    }
  }
}

function groupRules(call: Call): RuleList {
  const file: FirewallFile = loadFile(datacenterPlace, call)
  const name = String(call.params['group'])
  const group = file.groups[name] ?? refuse(`no such security group '${name}'`)
  return {
    rules: group.rules,
    scope: { env: 'group', cluster: file, local: file },
    save: (rules) => saveFile(datacenterPlace, call, { ...file, groups: { ...file.groups, [name]: { ...group, rules } } }),
  }
}

function shownList(list: RuleList): ShownRule[] {
  return list.rules.map((rule) => shownRule(rule, list.scope))
}

function positionIn(call: Call, list: RuleList): number {
  const position = Number(call.params['pos'])
  if (position >= list.rules.length) refuse(`no rule at position ${String(call.params['pos'])}`)
  return position
}

const checkDigest = (call: Call, list: RuleList): void =>
  assertUnmodified(listDigest(shownList(list).map((rule) => ({ ...rule }))), call.params['digest'])

const withDigests = (list: RuleList): Record<string, unknown>[] => withDigest(shownList(list).map((rule) => ({ ...rule })))

/** A new rule always goes to the top; `pos` and `digest` are taken and ignored, `enable` absent is 0 (recording 34). */
function createRule(call: Call, list: RuleList): null {
  const { pos: _, ...params } = call.params
  const empty = {} as unknown as FirewallRule
  const rule = checkedRule(mergeRule(empty, params), list.scope)
  list.save([{ ...rule, enable: call.params['enable'] === undefined ? 0 : rule.enable }, ...list.rules])
  return null
}

function updateRule(call: Call, list: RuleList): null {
  checkDigest(call, list)
  const position = positionIn(call, list)
  const moveTo = call.params['moveto']
  if (moveTo !== undefined && Number(moveTo) !== position) {
    list.save(moved(list.rules, position, Number(moveTo)))
    return null
  }
  const current = list.rules[position]
  if (current === undefined) return null
  const next = withoutProperties(mergeRule(current, call.params), listOf(call.params['delete']))
  const checked = checkedRule(next, list.scope)
  list.save(list.rules.map((rule, index) => (index === position ? checked : rule)))
  return null
}

function deleteRule(call: Call, list: RuleList): null {
  checkDigest(call, list)
  const position = positionIn(call, list)
  list.save(list.rules.filter((_, index) => index !== position))
  return null
}

function ruleRoutes(path: string, load: Load): Route[] {
  return [
    {
      method: 'GET',
      path,
      handler: (call) => withDigests(load(call)).map((rule, pos) => ({ ...rule, pos })),
    },
    { method: 'POST', path, handler: (call) => createRule(call, load(call)) },
    {
      method: 'GET',
      path: `${path}/{pos}`,
      handler: (call) => {
        const list = load(call)
        const position = positionIn(call, list)
        // A number in the list, but here the text of the path (recording 34).
        return { ...withDigests(list)[position], pos: String(call.params['pos']) }
      },
    },
    { method: 'PUT', path: `${path}/{pos}`, handler: (call) => updateRule(call, load(call)) },
    { method: 'DELETE', path: `${path}/{pos}`, handler: (call) => deleteRule(call, load(call)) },
  ]
}

export const firewallRuleRoutes: readonly Route[] = [
  ...ruleRoutes(`${guestPlace.prefix}/rules`, placeRules(guestPlace)),
  ...ruleRoutes(`${datacenterPlace.prefix}/rules`, placeRules(datacenterPlace)),
  ...ruleRoutes(`${datacenterPlace.prefix}/groups/{group}`, groupRules),
]
