/** What `kubectl pve plan` tells of a guest that spec.adopt reports, or that was taken over: what stays as found, and how it would change. */
import type { FoundDifference } from '../api/adopt.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'

/** How a difference of a guest would reach it, once somebody asks. `remark`: what else was found. */
export type FoundWay = 'live when asked' | 'restart when asked' | 'never' | 'remark'

export interface FoundLine {
  readonly what: string
  readonly because: string
  readonly when: FoundWay
  readonly stops: boolean
}

const ways: Readonly<Record<string, FoundWay>> = { Live: 'live when asked', Restart: 'restart when asked', Never: 'never' }

/** The heads of the page, in its order. */
export const foundTitles: readonly [FoundWay, string][] = [
  ['live when asked', 'Stays as found; applied live when the spec asks for it:'],
  ['restart when asked', 'Stays as found; when the spec asks for it, the VM must be off for it or start from off:'],
  ['never', 'Will not be done:'],
  ['remark', 'Also found:'],
]

export function adoptionLines({ status }: ProxmoxVM): FoundLine[] {
  const { adoption } = status ?? {}
  if (!adoption?.differences) return []
  const { vmid, takenAt, differences, remarks = [] } = adoption
  const because = takenAt === undefined ? `spec.adopt reports VM ${vmid}` : `VM ${vmid} was taken over as it was`
  const lines = differences.map((difference): FoundLine => {
    const when = ways[difference.applies] ?? 'never'
    return { what: sentenceOf(difference), because, when, stops: false }
  })
  return [...lines, ...(takenAt === undefined ? remarks.map((what): FoundLine => ({ what, because, when: 'remark', stops: false })) : [])]
}

const sentenceOf = ({ field, found, wanted }: FoundDifference): string => `${field}: ${found ?? 'not set'}, spec: ${wanted ?? 'not set'}`
