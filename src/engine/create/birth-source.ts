/** What a new VM is made of: copies of a template in PVE, or a backup that some nodes reach. */
import type { TemplateFacts } from '../../cluster/template-facts.ts'
import type { TemplateLook } from '../../cluster/templates.ts'
import { type Obstacle, isOutcome, stalled } from '../../ladder/outcome.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { templateFor } from '../../want/birth.ts'
import { asSentence } from './as-sentence.ts'
import { backupSource, type BirthBackup } from './backup-source.ts'
import type { IntentInput } from './intent-input.ts'
import { objectionToTags } from './tag-objection.ts'
import { type Birth, objectionToTemplate } from './template-objections.ts'

/** At most one a node. */
export interface SourceCopy {
  readonly node: string
  readonly vmid: number
}

export interface BirthSource {
  readonly copies: readonly SourceCopy[]
  /** What the VM will have of disks and devices; throws what PVE throws. */
  readonly look: (copy: SourceCopy) => Promise<TemplateLook>
  readonly objection: (facts: TemplateFacts, birth: Birth) => Obstacle | undefined
  /** Absent: a template. */
  readonly backup?: BirthBackup
}

export async function sourceOf(input: IntentInput, listing: Listing): Promise<BirthSource | Obstacle> {
  const { draft, cluster } = input
  const { name, vmid, tag, backupRef } = templateFor(draft.vm, draft.status)
  if (backupRef && draft.status.reinstall?.running)
    return stalled(
      'TemplateNotFound',
      'A reinstall installs a template, and spec.template names a backup: name a template in spec.reinstall.template (kubectl pve reinstall --template). To have what is in a backup of this VM, write spec.restore.',
    )
  if (backupRef) {
    const found = await backupSource(input, listing, backupRef)
    return isOutcome(found) ? found : { ...found, look: (copy) => Promise.resolve(found.lookAt(copy)) }
  }
  const search = cluster.templates.find({ ...(name && { name }), ...(vmid && { vmid }), ...(tag && { tag }) }, listing)
  if (search.is === 'refused') return stalled(search.reason, asSentence(search.message))
  const objection = (facts: TemplateFacts, birth: Birth) => objectionToTemplate(facts, birth) ?? objectionToTags(facts, cluster)
  return { copies: search.copies, look: (copy) => cluster.templates.config(copy), objection }
}
