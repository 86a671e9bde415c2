/** spec.adopt with mode Report: says what would be if the guest were taken over, and writes nothing to PVE. */
import type { Adopt, FoundDifference } from '../../api/adopt.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { parseMark } from '../../ladder/mark.ts'
import { isOutcome, type Obstacle, stalled } from '../../ladder/outcome.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { lookAsked } from '../after-pass.ts'
import { fails, holds, type ConditionUpdate } from '../conditions.ts'
import { nowIso } from '../dependencies.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { judged } from '../status.ts'
import { adoptionObjection } from './objections.ts'
import { prospectOf } from './prospect.ts'
import { remarksOn } from './remarks.ts'

/** A report asks PVE a dozen things; an edit of the object, or the annotation pve.hosting/look, makes a new one at once. */
const everyMs = 6 * 3_600_000

/** Never undefined: the object has no VM yet, and a person goes on. */
export async function reportGuest(pass: Pass, cluster: PveCluster, adopt: Adopt, lookAt: () => Promise<Look>): Promise<Obstacle> {
  const { deps, draft, memory } = pass
  const { report } = memory.adoption
  const isFresh = report?.generation === draft.generation && deps.clock.monotonicMs() - report.monotonicMs < everyMs
  if (!isFresh || lookAsked(draft) !== undefined || !draft.status.adoption) {
    const obstacle = await look(pass, cluster, adopt, lookAt)
    if (obstacle) return obstacle
    memory.adoption.report = { generation: draft.generation, monotonicMs: deps.clock.monotonicMs() }
  }
  return stalled(
    'AdoptReported',
    `VM ${adopt.vmid} was compared with the spec and not changed; the condition Adoptable and \`kubectl pve plan\` show the result. To take the VM over, set spec.adopt.mode: Take.`,
  )
}

async function look(pass: Pass, cluster: PveCluster, adopt: Adopt, lookAt: () => Promise<Look>): Promise<Obstacle | undefined> {
  const { draft } = pass
  const seen = await lookAt()
  const objection = adoptionObjection(pass, seen, adopt)
  if (objection && objection.is !== 'stalled') return objection
  if (!seen.seen.config)
    return say(pass, fails('Adoptable', objection?.reason ?? 'AdoptMismatch', objection?.message ?? ''), { vmid: adopt.vmid })
  for (const part of ['firewall', 'power'] as const) await seen.need(part)
  const prospect = objection ?? (await prospectOf(pass, cluster, seen, adopt))
  const isHad = !isOutcome(prospect)
  if (!isHad && prospect.is !== 'stalled') return prospect
  const { values } = seen.seen.config
  const { uid } = parseMark(values.description) ?? {}
  const { macAddress } = parseNet(values.net0 ?? '')
  const differences = isHad ? prospect.differences : []
  const remarks = await remarksOn(pass, cluster, seen, isHad ? prospect.status : { ...draft.status, vmid: adopt.vmid, node: seen.at.node })
  return say(
    pass,
    isHad
      ? holds('Adoptable', 'Adoptable', summary(adopt.vmid, differences, remarks))
      : fails('Adoptable', prospect.reason, [prospect.message, ...remarks].join(' ')),
    {
      vmid: adopt.vmid,
      node: seen.at.node,
      ...(macAddress !== undefined && { macAddress: macAddress.toUpperCase() }),
      ...(uid !== undefined && { fromUID: uid }),
      differences: [...differences],
      remarks,
    },
  )
}

type Adoption = NonNullable<Pass['draft']['status']['adoption']>

function say({ deps, draft }: Pass, verdict: ConditionUpdate, adoption: Adoption): undefined {
  draft.change((status) => ({ ...status, adoption }), judged(draft.vm, nowIso(deps.clock), [verdict]))
}

function summary(vmid: number, differences: readonly FoundDifference[], remarks: readonly string[]): string {
  const listed = (ways: readonly string[]) =>
    differences
      .filter(({ applies }) => ways.includes(applies))
      .map(({ field }) => field)
      .join(', ')
  const lists = [
    ['A later change applies live', listed(['Live'])],
    ['needs a restart', listed(['Restart'])],
    ['will not be done', listed(['Never'])],
  ].flatMap(([title, fields]) => (fields ? [`${title}: ${fields}.`] : []))
  const same = differences.length === 0 ? ['It matches the spec.'] : ['It stays as it is until the spec changes.', ...lists]
  return [`VM ${vmid} can be taken over.`, ...same, ...remarks].join(' ')
}
