/** Tags that PVE would not let the token set or remove after the clone, told before it (pure). */
import type { PveCluster } from '../../cluster/cluster.ts'
import { refusedTags } from '../../cluster/tag-access.ts'
import type { TemplateFacts } from '../../cluster/template-facts.ts'
import { ownTag } from '../../ladder/mark.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'

/** A new VM gets our tag and loses those of its template. */
export function objectionToTags(
  { config, vmid }: Pick<TemplateFacts, 'config' | 'vmid'>,
  cluster: Pick<PveCluster, 'name' | 'spec' | 'facts'>,
): Obstacle | undefined {
  if (cluster.spec.tags === 'None') return undefined
  const ofTemplate = String(config['tags'] ?? '')
    .split(/[;,\s]+/)
    .filter(Boolean)
  const refused = refusedTags(cluster.facts()?.tagAccess, ofTemplate, [ownTag])
  if (refused.length === 0) return undefined
  const list = refused.map((tag) => `"${tag}"`).join(', ')
  const why = refused.includes(ownTag) ? `which every VM gets` : `which template ${vmid} has and a VM is not to have`
  return stalled(
    'PermissionDenied',
    `PVE does not let the token set or remove the tag ${list}, ${why} (user-tag-access and registered-tags in datacenter.cfg). Write tags: None into ProxmoxCluster ${cluster.name}, or an admin allows the tag: Datacenter, Options, User Tag Access.`,
  )
}
