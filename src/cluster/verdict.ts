import type { Condition } from '../api/object.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
import { type ClusterCondition, clusterConditions } from '../api/condition-words.ts'
import { type Reason, reasons } from '../api/reasons.ts'
import { timeInSeconds } from '../api/time.ts'
import { type ClusterFacts, oldestMajorVersion } from './facts.ts'
import { capabilitiesOff } from './capabilities.ts'
import type { Failure } from '../proxmox/failures.ts'
import type { Listing } from '../proxmox/listing.ts'
import { nodesVerdicts, onlineOf } from './nodes-verdict.ts'
import type { UnclaimedReport } from './unclaimed.ts'

/** Why a cluster cannot be worked with. */
export interface ClusterProblem {
  readonly reason: Reason
  readonly message: string
}

/** All that the status of a ProxmoxCluster is made of. */
export interface ClusterFindings {
  /** The Secret cannot be used. */
  readonly credentialsProblem?: ClusterProblem
  /** Of the last listing or preflight; undefined = the last one succeeded, or none was made. */
  readonly failure?: Failure
  /** Kept through an outage. */
  readonly facts?: ClusterFacts
  readonly listing?: Listing
  /** Which PVE it is, to be recorded; undefined: what is on record stays. */
  readonly identity?: string | undefined
  /** So many VMs are missing from the listing that it is in doubt. */
  readonly doubt?: string
  /** What the brake on deletions holds back now. */
  readonly deletions?: { readonly waiting: number; readonly roomAtMs?: number; readonly liftedUntilMs?: number }
  /** Guests with our mark and without an object; undefined: PVE has not been looked at yet. */
  readonly unclaimed?: UnclaimedReport
  /** Our VMs by node. */
  readonly vmsByNode: ReadonlyMap<string, number>
  /** ProxmoxVMs that name the cluster, some of them as `namespace/name`: as long as there are any it cannot go. */
  readonly users?: { readonly count: number; readonly some: readonly string[] }
}

const wellSentence = (mode: ProxmoxCluster['spec']['mode']): string =>
  mode === 'Observe' ? 'PVE answers; the operator writes nothing to it (spec.mode Observe).' : 'PVE is ready for VMs.'

/** Why an object that was deleted is still there, and what a person can do. */
function leavingSentence({ users = { count: 0, some: [] } }: ClusterFindings): string {
  const { count, some } = users
  const named = `${some.join(', ')}${count > some.length ? ', …' : ''}`
  const who = `${count} ProxmoxVM${count === 1 ? ' names' : 's name'} it (${named})`
  return `The ProxmoxCluster is being deleted and accepts no new VMs. It stays as long as ${who}: delete or release them.`
}

type Verdicts = { [type in ClusterCondition]?: { status: Condition['status']; reason: Reason; message: string } }

const sentence = (reason: Reason): string => reasons[reason].means

/** The first thing that stands in the way of working with the cluster at all; what is merely missing is no problem in this sense. */
export function problemOf(state: ClusterFindings): ClusterProblem | undefined {
  if (state.credentialsProblem !== undefined) return state.credentialsProblem
  const { failure, facts } = state
  if (failure !== undefined) return { reason: reasonOf(failure), message: failure.message }
  if (facts === undefined) return { reason: 'ClusterNotReady', message: 'the operator has not asked PVE yet' }
  if (facts.majorVersion < oldestMajorVersion) {
    return { reason: 'UnsupportedVersion', message: `this is PVE ${facts.version}; ${oldestMajorVersion}.0 or newer is needed` }
  }
  return undefined
}

function reasonOf(failure: Failure): Reason {
  if (failure.reason === 'Unauthorized' || failure.reason === 'TLSUntrusted' || failure.reason === 'ClusterChanged') return failure.reason
  return failure.kind === 'denied' ? 'PermissionDenied' : 'Unreachable'
}

const needsPerson: ReadonlySet<Reason> = new Set<Reason>([
  'CredentialsNotFound',
  'Unauthorized',
  'TLSUntrusted',
  'ClusterChanged',
  'ListingDoubtful',
  'UnsupportedVersion',
  'MissingPrivileges',
  'PermissionDenied',
])

function verdictsOf(state: ClusterFindings, mode: ProxmoxCluster['spec']['mode']): Verdicts {
  const problem = problemOf(state) ?? doubtOf(state) ?? shortcomingOf(state.facts)
  // While PVE gives no listing nobody can tell, and what it said before stays.
  const nodes: Verdicts = state.listing && state.failure === undefined ? nodesVerdicts(state.listing, state.vmsByNode) : {}
  const lame = [nodes.NodesOnline, nodes.FiguresFresh].flatMap((each) => (each?.status === 'False' ? [each.message] : []))
  const ready = {
    status: problem ? 'False' : 'True',
    reason: problem?.reason ?? 'Ready',
    message: problem?.message ?? (lame.length > 0 ? lame.join(' ') : wellSentence(mode)),
  } as const
  const verdicts: Verdicts = { Ready: ready, ...nodes }
  const reachable = reachableOf(state)
  if (reachable !== undefined) verdicts.Reachable = reachable
  const authorized = authorizedOf(state)
  if (authorized !== undefined) verdicts.Authorized = authorized
  if (problem === undefined) return verdicts
  verdicts[needsPerson.has(problem.reason) ? 'Stalled' : 'Reconciling'] = { ...problem, status: 'True' }
  return verdicts
}

const doubtOf = ({ doubt }: ClusterFindings): ClusterProblem | undefined =>
  doubt === undefined ? undefined : { reason: 'ListingDoubtful', message: doubt }

/** It can be worked with, but not everything will work. */
function shortcomingOf(facts: ClusterFacts | undefined): ClusterProblem | undefined {
  if (facts?.quorate === false) return { reason: 'NoQuorum', message: sentence('NoQuorum') }
  const missing = facts?.missingPrivileges ?? []
  if (missing.length === 0) return undefined
  const named = missing.map(({ path, privilege }) => `${privilege} on ${path}`).join(', ')
  return { reason: 'MissingPrivileges', message: `the token lacks ${named}; \`pve-operator role\` prints the role that has them` }
}

function reachableOf({ credentialsProblem, failure, facts }: ClusterFindings): Verdicts['Reachable'] {
  if (failure?.reason === 'TLSUntrusted') return { status: 'False', reason: 'TLSUntrusted', message: failure.message }
  if (failure !== undefined && failure.kind !== 'denied') return { status: 'False', reason: reasonOf(failure), message: failure.message }
  if (failure !== undefined || facts !== undefined) return { status: 'True', reason: 'Reachable', message: sentence('Reachable') }
  return credentialsProblem === undefined
    ? undefined
    : { status: 'Unknown', reason: 'CredentialsNotFound', message: 'the operator has not asked PVE' }
}

/** Undefined: PVE cannot be asked now, and what it said before stays. */
function authorizedOf({ credentialsProblem, failure, facts }: ClusterFindings): Verdicts['Authorized'] {
  if (credentialsProblem !== undefined) return { status: 'False', ...credentialsProblem }
  if (failure?.kind === 'denied') return { status: 'False', reason: reasonOf(failure), message: failure.message }
  if (failure !== undefined || facts === undefined) return undefined
  const missing = facts.missingPrivileges.length > 0 ? shortcomingOf({ ...facts, quorate: true }) : undefined
  if (missing !== undefined) return { status: 'False', ...missing }
  return { status: 'True', reason: 'Succeeded', message: 'The token has every privilege that the operator needs.' }
}

/** The status as it should be; `now` is RFC 3339. What is not ours to judge here (vmids) stays, and so do times of unchanged conditions. */
export function clusterStatusOf(object: ProxmoxCluster, state: ClusterFindings, now: string): ProxmoxClusterStatus {
  const former = object.status ?? {}
  const { facts, listing } = state
  const { Ready: ready, ...others } = verdictsOf(state, object.spec.mode)
  const isLeaving = object.metadata.deletionTimestamp !== undefined
  const verdicts = {
    ...others,
    ...(ready && { Ready: isLeaving ? { ...ready, message: `${leavingSentence(state)} ${ready.message}` } : ready }),
  }
  return {
    ...former,
    ...(object.metadata.generation !== undefined && { observedGeneration: object.metadata.generation }),
    ...(facts && {
      version: facts.version,
      missingPrivileges: facts.missingPrivileges.map(({ path, privilege, neededFor }) => ({ path, privilege, neededFor })),
      capabilities: capabilitiesOff(facts),
    }),
    ...(state.identity !== undefined && { identity: state.identity }),
    ...(state.deletions && { deletions: deletionsOf(former.deletions?.counted, state.deletions) }),
    ...(listing && { nodesOnline: onlineOf(listing), nodes: nodesOf(listing, state.vmsByNode), templates: templatesOf(listing) }),
    ...state.unclaimed,
    conditions: conditionsOf(former.conditions ?? [], verdicts, object.metadata.generation, now),
  }
}

function deletionsOf(
  counted: NonNullable<ProxmoxClusterStatus['deletions']>['counted'],
  { waiting, roomAtMs, liftedUntilMs }: NonNullable<ClusterFindings['deletions']>,
): NonNullable<ProxmoxClusterStatus['deletions']> {
  return {
    ...(counted && { counted }),
    waiting,
    ...(roomAtMs !== undefined && { roomAt: timeInSeconds(roomAtMs) }),
    ...(liftedUntilMs !== undefined && { liftedUntil: timeInSeconds(liftedUntilMs) }),
  }
}

function nodesOf(listing: Listing, vmsByNode: ReadonlyMap<string, number>): NonNullable<ProxmoxClusterStatus['nodes']> {
  return [...listing.nodes.values()]
    .map(({ node, online, isInMaintenance }) => ({
      name: node,
      online,
      ...(isInMaintenance && { maintenance: true }),
      vms: vmsByNode.get(node) ?? 0,
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** As many as the CRD takes. */
const mostTemplates = 512

function templatesOf(listing: Listing): NonNullable<ProxmoxClusterStatus['templates']> {
  return [...listing.guests.values()]
    .filter(({ template, kind }) => template && kind === 'qemu')
    .toSorted((a, b) => a.vmid - b.vmid)
    .slice(0, mostTemplates)
    .map(({ name, tags, node, vmid }) => ({
      ...(name !== undefined && { name }),
      ...(tags.length > 0 && { tag: tags.join(';') }),
      node,
      vmid,
    }))
}

function conditionsOf(former: readonly Condition[], verdicts: Verdicts, generation: number | undefined, now: string): Condition[] {
  return clusterConditions.flatMap((type) => {
    const before = former.find((condition) => condition.type === type)
    const verdict = verdicts[type]
    // Reconciling and Stalled exist only while they are true; the others stay as they were while nobody can tell.
    if (verdict === undefined) return before === undefined || type === 'Reconciling' || type === 'Stalled' ? [] : [before]
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : now
    return [{ type, ...verdict, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) }]
  })
}
