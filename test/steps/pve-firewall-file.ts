import type { FirewallSeen, RuleOptions } from '../../src/ladder/machine.ts'
import type { FirewallWrite } from '../../src/ladder/guest-writer.ts'

/** The firewall file of one VM, as PVE's API reads and writes it (pve-firewall API2; recordings 33 and 34). */
export interface FirewallFile {
  readonly options: Readonly<Record<string, string>>
  readonly rules: readonly RuleOptions[]
  readonly ipfilter?: readonly string[]
}

export const lookAt = (file: FirewallFile): FirewallSeen => ({
  options: file.options,
  rules: file.rules.map((fields, pos) => ({ pos, fields })),
  rulesDigest: JSON.stringify(file.rules),
  ...(file.ipfilter && { ipfilter: file.ipfilter }),
})

/** What the write makes of the file; throws where PVE refuses. */
export function written(file: FirewallFile, write: FirewallWrite): FirewallFile {
  switch (write.do) {
    case 'create-set':
      return refuseIf(file.ipfilter !== undefined, 'IPSet already exists') ?? { ...file, ipfilter: [] }
    case 'delete-set': {
      const { ipfilter, ...rest } = file
      return refuseIf(ipfilter?.length !== 0, 'IPSet is not empty') ?? rest
    }
    case 'add-entry':
      return { ...file, ipfilter: [...entriesWithout(file, write.address, 'already exists'), write.address].toSorted() }
    case 'remove-entry':
      return { ...file, ipfilter: (file.ipfilter ?? []).filter((entry) => entry !== write.entry) }
    case 'add-rule':
      // Always at position 0.
      return { ...file, rules: [write.rule, ...file.rules] }
    case 'move-rule':
      return { ...file, rules: moved(file.rules, write.from, write.to) }
    case 'delete-rule':
      return refuseIf(file.rules[write.pos] === undefined, 'no rule at position') ?? { ...file, rules: file.rules.toSpliced(write.pos, 1) }
    case 'set-options':
      return { ...file, options: { ...file.options, ...write.options } }
  }
}

/** `moveto=N` puts the rule before the one that had index N before the move. */
function moved(rules: readonly RuleOptions[], from: number, to: number): RuleOptions[] {
  const rule = rules[from]
  if (rule === undefined) throw new Error(`no rule at position ${from}`)
  const without = rules.toSpliced(from, 1)
  return without.toSpliced(from < to ? to - 1 : to, 0, rule)
}

function entriesWithout(file: FirewallFile, address: string, complaint: string): readonly string[] {
  if (!file.ipfilter || file.ipfilter.includes(address)) throw new Error(`address '${address}' ${complaint}`)
  return file.ipfilter
}

function refuseIf(isRefused: boolean, message: string): undefined {
  if (isRefused) throw new Error(message)
  return undefined
}
