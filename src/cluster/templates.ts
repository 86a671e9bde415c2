import type { Reason } from '../api/reasons.ts'
import type { Clock } from '../ops/clock.ts'
import type { At } from '../proxmox/answers.ts'
import type { Pve } from '../proxmox/endpoints.ts'
import { judge } from '../proxmox/failures.ts'
import type { GuestRow, Listing } from '../proxmox/listing.ts'
import { isTemplate, type TemplateFacts, templateFactsOf } from './template-facts.ts'

/** Exactly one of them, as in ProxmoxVM.spec.template. */
export interface TemplateRef {
  readonly name?: string
  readonly vmid?: number
  readonly tag?: string
}

export type TemplateSearch =
  /** Copies of one template, by node and VMID; at most one a node. */
  | { readonly is: 'found'; readonly copies: readonly GuestRow[] }
  | { readonly is: 'refused'; readonly reason: Extract<Reason, `Template${string}`>; readonly message: string }

export type TemplateLook =
  | { readonly is: 'template'; readonly facts: TemplateFacts }
  | { readonly is: 'refused'; readonly reason: Extract<Reason, `Template${string}`>; readonly message: string }

/** A template is read again after this long: somebody may have replaced it by a guest of the same number. */
const freshMs = 60_000

/** The listing proposes (its `template` flag and name are up to 12 s old), the template's own config decides. */
export class TemplateCatalog {
  readonly #pve: Pick<Pve, 'config'>
  readonly #clock: Clock
  readonly #known = new Map<string, { readAtMs: number; look: Promise<TemplateLook> }>()

  constructor(o: { pve: Pick<Pve, 'config'>; clock: Clock }) {
    this.#pve = o.pve
    this.#clock = o.clock
  }

  find(ref: TemplateRef, listing: Listing): TemplateSearch {
    return findTemplate(ref, listing)
  }

  /** Cached for 60 s; callers at the same time share one request. Throws PveError, except for a guest that is not there. */
  config(at: At): Promise<TemplateLook> {
    const key = `${at.node}/${at.vmid}`
    const known = this.#known.get(key)
    if (known !== undefined && this.#clock.monotonicMs() - known.readAtMs < freshMs) return known.look
    const look = this.#read(at)
    this.#known.set(key, { readAtMs: this.#clock.monotonicMs(), look })
    look.then(
      (answer) => answer.is === 'refused' && this.#known.delete(key),
      () => this.#known.delete(key),
    )
    return look
  }

  async #read(at: At): Promise<TemplateLook> {
    try {
      const config = await this.#pve.config(at)
      if (isTemplate(config)) return { is: 'template', facts: templateFactsOf(at, config) }
      return refused('TemplateNotTemplate', `guest ${at.vmid} on ${at.node} is not a template in PVE; the operator clones only templates`)
    } catch (fault) {
      if (judge(fault).kind !== 'absent') throw fault
      return refused('TemplateNotFound', `template ${at.vmid} is no longer on ${at.node}`)
    }
  }
}

const refused = (reason: Extract<Reason, `Template${string}`>, message: string) => ({ is: 'refused', reason, message }) as const

/** Pure. Several guests of one name or tag are copies of one template as long as no node has two. */
export function findTemplate(ref: TemplateRef, listing: Listing): TemplateSearch {
  const what = described(ref)
  const named = [...listing.guests.values()].filter((guest) => guest.kind === 'qemu' && answersTo(guest, ref))
  // By VMID the config alone decides: the flag in the listing lags behind a conversion.
  const copies = ref.vmid === undefined ? named.filter(({ template }) => template) : named
  if (copies.length === 0) {
    const other = named[0]
    if (other === undefined) return refused('TemplateNotFound', `the token sees no template ${what}; ${knownTemplates(listing)}`)
    return refused('TemplateNotTemplate', `guest ${other.vmid} on ${other.node} has ${what} but is not a template`)
  }
  const sorted = copies.toSorted((a, b) => a.node.localeCompare(b.node) || a.vmid - b.vmid)
  const twin = sorted.find((guest, at) => sorted[at + 1]?.node === guest.node)
  if (twin === undefined) return { is: 'found', copies: sorted }
  const there = sorted.filter(({ node }) => node === twin.node).map(({ vmid }) => vmid)
  return refused('TemplateAmbiguous', `node ${twin.node} has several templates ${what}: ${there.join(', ')}; name one by vmid`)
}

const mostNames = 10

/** What can be named instead, and the way to see more. */
function knownTemplates({ guests }: Listing): string {
  const names = new Set([...guests.values()].flatMap(({ template, name }) => (template && name ? [name] : [])))
  const shown = [...names].toSorted((a, b) => a.localeCompare(b)).slice(0, mostNames)
  const more = names.size > shown.length ? ` and ${names.size - shown.length} more` : ''
  const there = shown.length === 0 ? 'it sees none at all' : `there are ${shown.join(', ')}${more}`
  return `${there}. Correct the name, or give the token VM.Audit on the template`
}

function answersTo(guest: GuestRow, ref: TemplateRef): boolean {
  if (ref.vmid !== undefined) return guest.vmid === ref.vmid
  if (ref.name !== undefined) return guest.name === ref.name
  return ref.tag !== undefined && guest.tags.some((tag) => tag.toLowerCase() === ref.tag?.toLowerCase())
}

function described(ref: TemplateRef): string {
  if (ref.vmid !== undefined) return `with VMID ${ref.vmid}`
  return ref.name === undefined ? `with tag ${ref.tag}` : `named ${ref.name}`
}
