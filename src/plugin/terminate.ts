/** `kubectl pve terminate`: the manual's Terminate. Shows what goes, asks, deletes the object and waits until PVE has confirmed. */
import { lookAnnotation } from '../api/group.ts'
import { poolAddresses, proxmoxVMs, proxmoxVMSnapshots } from '../api/meta.ts'
import { addressesInForce, addressesReleasing } from '../api/held-addresses.ts'
import { conditionOf } from '../api/condition.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { timeInSeconds } from '../api/time.ts'
import { confirmAtTerminal, vmInQuestion } from './confirm.ts'
import { unlessForbidden } from './forbidden.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { progressLine, waitFor } from './waiting.ts'

export interface TerminateOptions {
  yes?: boolean
  wait: boolean
  timeout?: number
  output?: 'json'
}

/** What the note of a termination says. */
interface TerminationNote {
  readonly namespace: string
  readonly name: string
  readonly deletionPolicy: string
  readonly vmid?: number
  /** RFC 3339: when PVE had confirmed that the VM is gone and its addresses were given back. */
  readonly at: string
  readonly addresses: readonly string[]
  /** Addresses that the object still holds although it is gone: nobody has seen the end of its VM. Absent: none. */
  readonly held?: readonly string[]
}

export async function terminateVM(session: Session, name: string, o: TerminateOptions): Promise<void> {
  const { client, namespace, shell } = session
  const vm = await mustGetVM(session, name)
  refuse(vm)
  const isAgain = vm.metadata.deletionTimestamp !== undefined
  if (!isAgain) await confirmAtTerminal(session, await question(session, vm), o.yes)
  const look = isAgain ? await askForLook(session, vm) : undefined
  if (!isAgain) await client.delete(proxmoxVMs, { namespace, name }, { uid: vm.metadata.uid ?? '' })
  if (session.isDryRun) return shell.out(`terminate ${name}: the API server accepts the deletion. Dry run: nothing was written.\n`)
  if (!o.wait) return shell.out(`terminate ${name}: the deletion has begun\n`)
  await untilGone(session, vm, look, o)
  const note = await noteOf(session, vm)
  if (o.output) printJson(session, note)
  if (note.held) throw new PluginRefusal(`terminate ${name}: ${unendedSentence(note)}`)
  if (!o.output) shell.out(`terminate ${name}: ${sentence(note)}\n`)
}

/** What would be refused or would wait for ever is said before anything is written. */
function refuse({ metadata, spec, status }: ProxmoxVM): void {
  const { name, namespace } = metadata
  if (metadata.deletionTimestamp !== undefined) return
  if (spec.deletionProtection === true)
    throw new PluginRefusal(
      `terminate ${name}: spec.deletionProtection is true, so the VM is kept. To delete it after all: kubectl patch pvm ${name} -n ${namespace} --type merge -p '{"spec":{"deletionProtection":false}}'`,
    )
  if (spec.deletionPolicy === 'Remove' && status?.remoteStatus === 'running')
    throw new PluginRefusal(
      `terminate ${name}: spec.deletionPolicy is Remove, which deletes only a VM that is off; shut it down first: kubectl pve shutdown ${name} -n ${namespace}`,
    )
}

/** By policy: what is destroyed, what stays. */
async function question(session: Session, vm: ProxmoxVM): Promise<string> {
  const { spec, status = {} } = vm
  const which = vmInQuestion(session, vm)
  const addresses = [...addressesInForce(status), ...addressesReleasing(status)].join(', ')
  if (spec.deletionPolicy === 'Orphan')
    return `Forget ${which}? Its VM stays in PVE untouched${addresses ? `, and ${addresses} stay held` : ''}.`
  const what = status.vmid === undefined ? 'no VM was made yet' : `VM ${status.vmid}${status.node ? ` on ${status.node}` : ''}`
  const goes = [what, ...disksOf(vm), ...(await snapshotsOf(session, vm)), ...backupsOf(vm)].join(', ')
  return `Terminate ${which}? This deletes for good: ${goes}${addresses ? `; given back: ${addresses}` : ''}.`
}

const disksOf = ({ status }: ProxmoxVM): string[] =>
  (status?.disks ?? []).map(({ name, size }) => `disk ${name}${size ? ` (${size})` : ''}`)

async function snapshotsOf({ client, namespace }: Session, { metadata }: ProxmoxVM): Promise<string[]> {
  const all = await client.list(proxmoxVMSnapshots, { namespace }).catch(unlessForbidden([]))
  const count = all.filter(({ spec }) => spec.vmRef.name === metadata.name).length
  return count === 0 ? [] : [counted(count, 'snapshot')]
}

function backupsOf({ spec, status }: ProxmoxVM): string[] {
  const { count = 0, newest } = status?.backups ?? {}
  const isKept = spec.deletionPolicy === 'Remove' || spec.backupsOnDelete === 'Keep'
  if (count === 0 || isKept) return []
  return [`${counted(count, 'backup')}${newest ? ` (the newest of ${newest})` : ''}`]
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`

/** What stood in the way may be over; only an answer to this look counts. */
async function askForLook({ client, namespace, shell }: Session, { metadata }: ProxmoxVM): Promise<string> {
  const look = new Date(shell.clock.now()).toISOString()
  await client.mergePatch(
    proxmoxVMs,
    { namespace, name: metadata.name },
    { metadata: { uid: metadata.uid, annotations: { [lookAnnotation]: look } } },
  )
  return look
}

async function untilGone(session: Session, { metadata }: ProxmoxVM, look: string | undefined, o: TerminateOptions): Promise<void> {
  const { namespace } = session
  const { name, uid, generation = 0 } = metadata
  const later = `kubectl pve status ${name} -n ${namespace}`
  await waitFor(session, { later, ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }) }, async () => {
    const now = await session.client.get(proxmoxVMs, { namespace, name })
    if (!now || now.metadata.uid !== uid) return { done: true }
    const stalled = conditionOf(now.status?.conditions, 'Stalled')
    // A verdict from before the deletion is none on it.
    const isAnswer = look === undefined ? (stalled?.observedGeneration ?? 0) > generation : now.status?.lookedFor === look
    if (stalled?.status === 'True' && isAnswer)
      throw new PluginRefusal(`terminate ${name} waits for a person (${stalled.reason}): ${stalled.message}`)
    return { progress: progressLine(now) }
  })
}

/** From the record of the addresses, which outlives the VM; whoever may not read it is told what the object said. */
async function noteOf({ client, shell }: Session, { metadata, spec, status }: ProxmoxVM): Promise<TerminationNote> {
  const { namespace = '', name, uid } = metadata
  const records = await client.list(poolAddresses).catch(unlessForbidden([]))
  const own = records.flatMap(({ spec: { address, history = [] } }) =>
    history.flatMap((former) => (former.uid === uid ? [{ address, to: former.to }] : [])),
  )
  const isLeft = spec.deletionPolicy === 'Orphan'
  const held = isLeft ? [] : records.flatMap(({ spec: { claimRef, address } }) => (claimRef?.uid === uid ? [address] : []))
  const released = own.map(({ to }) => to).toSorted()
  const known =
    own.length + held.length > 0 ? own.map(({ address }) => address) : [...addressesInForce(status), ...addressesReleasing(status)]
  return {
    namespace,
    name,
    deletionPolicy: spec.deletionPolicy ?? 'Terminate',
    ...(status?.vmid !== undefined && { vmid: status.vmid }),
    at: released.at(-1) ?? timeInSeconds(shell.clock.now()),
    addresses: known,
    ...(held.length > 0 && { held }),
  }
}

/** Its finalizer was taken off by hand, or it was released: then the operator has destroyed nothing. */
const unendedSentence = ({ vmid, held = [] }: TerminationNote): string =>
  `the object is gone and still holds ${held.join(', ')}: somebody released it or removed its finalizer, so ${vmid === undefined ? 'its VM' : `VM ${vmid}`} may still run in PVE; look with: kubectl pve unclaimed`

function sentence({ deletionPolicy, vmid, at, addresses }: TerminationNote): string {
  const which = vmid === undefined ? 'no VM was ever made' : `VM ${vmid}`
  const list = addresses.join(', ')
  if (deletionPolicy === 'Orphan')
    return `the object is gone, ${at}; ${which} stays in PVE${list ? ` and ${list} stay held until an admin deletes the PoolAddress objects` : ''}`
  return `${vmid === undefined ? which : `${which} is gone`}, ${at}${list ? `; given back: ${list}` : ''}`
}
