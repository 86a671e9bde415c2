/** What a template has and its VM does not get, told before it is taken off: somebody may have relied on it. */
import type { ConfigPatch } from '../../ladder/guest-writer.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { furtherNics } from '../../steps/set-network.ts'
import { isBirth } from '../../want/birth.ts'
import type { Climb } from '../climb-pass.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { noted } from '../status.ts'

type Values = Readonly<Record<string, string>>

/** One line of history and one Event for a VM that is being made; a repeated request adds none. */
export function tellNotHandedOn({ draft, deps, look }: Pick<Climb, 'draft' | 'deps' | 'look'>, patch: ConfigPatch): void {
  if (!isBirth(draft.status)) return
  const left = notHandedOn(look.seen.config?.values ?? {}, patch)
  if (left.length === 0) return
  const message = `not taken from template ${draft.status.template?.name ?? draft.status.template?.vmid}: ${left.join(', ')}`
  if (draft.status.history?.some((line) => line.message === message)) return
  draft.change(noted('clone', nowIso(deps.clock), 'Removed', message))
  recordEvent(deps, draft.vm, 'Normal', 'NotHandedOn', message)
}

/** `net1 (e1000 on vmbr99, VLAN 4000)`, `snippet user=local:snippets/site.yaml`. */
function notHandedOn(now: Values, { set, remove }: ConfigPatch): string[] {
  const nics = furtherNics(now).filter((key) => remove.includes(key))
  const snippets = now['cicustom']?.split(',') ?? []
  const isReplaced = set['cicustom'] !== undefined || remove.includes('cicustom')
  const dropped = isReplaced ? snippets.filter((part) => part !== set['cicustom']) : []
  return [...nics.map((key) => `${key} (${describeNic(now[key] ?? '')})`), ...dropped.map((part) => `snippet ${part}`)]
}

function describeNic(text: string): string {
  const { model, options } = parseNet(text)
  const tag = options.get('tag')
  return `${model} on ${options.get('bridge') ?? 'no bridge'}${tag === undefined ? '' : `, VLAN ${tag}`}`
}
