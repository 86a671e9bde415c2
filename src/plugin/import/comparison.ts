/** The panel's list beside PVE's and ours: what is in one and not in the other, twice, or otherwise (pure). */
import { table } from '../table.ts'
import type { Candidate, ServiceMatch } from './match-panel.ts'
import { suspensionsOf } from './panel-list.ts'

/** One thing that does not agree. */
export interface Disagreement {
  readonly what: 'PanelOnly' | 'PVEOnly' | 'Unclear' | 'Differs' | 'Gone'
  readonly serviceId?: string
  readonly vmid?: number
  /** Its ProxmoxVM, `namespace/name`. */
  readonly owner?: string
  readonly message: string
}

export interface Comparison {
  /** Services that are one guest and agree with it. */
  readonly agree: number
  readonly disagreements: readonly Disagreement[]
}

export function comparisonOf(matches: readonly ServiceMatch[], candidates: readonly Candidate[]): Comparison {
  const disagreements = matches.flatMap(disagreementsOf)
  const known = new Set(matches.flatMap((match) => (match.is === 'matched' ? [match.candidate.vmid] : [])))
  const strangers = candidates
    .filter(({ vmid }) => !known.has(vmid))
    .map(
      ({ vmid, owner, name }): Disagreement => ({
        what: 'PVEOnly',
        vmid,
        ...(owner !== undefined && { owner }),
        message: `VM ${vmid}${name ? ` (${name})` : ''} belongs to no service of the panel`,
      }),
    )
  const agree = matches.filter((match) => match.is === 'matched' && disagreementsOf(match).length === 0).length
  return { agree, disagreements: [...disagreements, ...strangers] }
}

function disagreementsOf(match: ServiceMatch): Disagreement[] {
  const { serviceId } = match.service
  const isLive = suspensionsOf(match.service) !== undefined
  switch (match.is) {
    case 'missing':
      return isLive ? [{ what: 'PanelOnly', serviceId, message: `the panel says ${match.service.status}, and PVE has no such guest` }] : []
    case 'unclear':
      return isLive ? [{ what: 'Unclear', serviceId, message: match.why }] : []
    case 'matched': {
      const { vmid, owner } = match.candidate
      const of = { serviceId, vmid, ...(owner !== undefined && { owner }) }
      const differs = match.differs.map((message): Disagreement => ({ what: 'Differs', ...of, message }))
      return isLive ? differs : [{ what: 'Gone', ...of, message: `the panel says ${match.service.status}, and PVE has its guest` }]
    }
  }
}

export function comparisonPage({ agree, disagreements }: Comparison): string {
  const head = `${agree} services agree with PVE; ${disagreements.length} things do not.\n`
  if (disagreements.length === 0) return head
  const rows = disagreements.map(({ what, serviceId = '', vmid, owner = '', message }) => [
    what,
    serviceId,
    String(vmid ?? ''),
    owner,
    message,
  ])
  return `${head}${table(['WHAT', 'SERVICE', 'VMID', 'PROXMOXVM', 'MESSAGE'], rows)}`
}
