/** Keeps the record of what the guest has taken from cloud-init: written before PVE is given other values, put right when the guest was started. */
import { conditionOf } from '../api/condition.ts'
import { judge } from '../proxmox/failures.ts'
import { hasCloudInitDrive } from '../proxmox/property-string.ts'
import { judgeProcess, judgeYoung, type GuestSeen, type ProcessSeen, type StartVerdict } from '../want/cold-start.ts'
import { addressesIn, isGuestKey, seenAfterStart, seenBefore, seenUnknown, type Shown } from '../want/guest-seen.ts'
import { isBirth } from '../want/birth.ts'
import { reasonForCloudInit } from '../want/cloud-init.ts'
import type { ConfigPatch } from '../ladder/guest-writer.ts'
import type { Want } from '../ladder/machine.ts'
import type { Climb } from './climb-pass.ts'
import { claimantOf } from './create/addresses.ts'
import { recordEvent } from './dependencies.ts'
import { pveNowMs } from './pve-time.ts'
import { leavingOf } from './releasing.ts'

/** More tasks of one VM than that since a change: PVE may hide some. */
const mostTasks = 500

/** Each answer of PVE is judged once. */
const verdicts = new WeakMap<ProcessSeen, StartVerdict>()

type Looking = Pick<Climb, 'deps' | 'draft' | 'look' | 'cluster'>

const pveNow = ({ deps, cluster }: Looking) => new Date(pveNowMs(cluster, deps)).toISOString()

const shownBy = ({ look, draft }: Looking): Shown => ({
  values: look.seen.config?.values ?? {},
  passwordVersion: draft.status.cloudInit?.passwordVersion,
})

/** At each turn of a climb, once the configuration was read: has the guest been started from off since? */
export async function followGuest(climb: Looking): Promise<void> {
  const { draft, look } = climb
  const known = draft.status.guestSeen ?? lostRecord(climb)
  if (!known || look.seen.guest !== 'ours') return
  if (!draft.status.guestSeen) draft.change((status) => ({ ...status, guestSeen: known }))
  const process = await processOf(climb)
  if (!process || verdicts.has(process)) return
  const verdict = await verdictOn(climb, known, process)
  // A drive that is added to this process later tells it nothing.
  if (verdict.is === 'missed' && process.power === 'running')
    draft.change((status) => ({ ...status, guestSeen: { ...known, ...placeOf(climb, process) } }))
  if (verdict.is === 'started')
    draft.change((status) => ({ ...status, guestSeen: seenAfterStart(known, shownBy(climb), process.power === 'stopped') }))
  // From here on the clock runs anew: what may have happened is in the record.
  if (verdict.is === 'unknown' && !process.lock && isUnclear(known, process))
    draft.change((status) => ({ ...status, guestSeen: doubted(climb, known, verdict, process) }))
}

/** A status that was lost took the record along; the claims tell that there was one. */
function lostRecord(climb: Looking): GuestSeen | undefined {
  const { deps, draft, look } = climb
  const leaving = leavingOf(climb)
  if (leaving.length === 0) return undefined
  const marked = deps.book.held(draft.vm.metadata.uid ?? '').filter(({ spec }) => spec.state === 'Releasing')
  const addresses = marked.map(({ spec }) => spec.address).filter((address) => leaving.includes(address))
  return addresses.length === 0 ? undefined : seenUnknown(addresses, shownBy(climb), { since: pveNow(climb), node: look.at.node })
}

/** A power that was only presumed is no proof. */
async function processOf({ look }: Looking): Promise<ProcessSeen | undefined> {
  await look.need('power')
  if (look.process) return look.process
  look.powerAsked()
  await look.need('power')
  return look.process
}

async function verdictOn(climb: Looking, known: GuestSeen, process: ProcessSeen): Promise<StartVerdict> {
  const first = judgeProcess(known, process)
  const shown = first.is === 'young' ? judgeYoung(await tasksSince(climb, known)) : first
  const verdict: StartVerdict = shown.is === 'started' && lacksDrive(climb) ? { is: 'missed' } : shown
  verdicts.set(process, verdict)
  return verdict
}

/** Somebody took the drive away: a start tells the guest nothing, and it goes on with what it has. */
const lacksDrive = ({ draft, look }: Looking): boolean =>
  reasonForCloudInit(draft.vm, draft.status.addresses ?? []) !== undefined && !hasCloudInitDrive(look.seen.config?.values ?? {})

async function tasksSince({ cluster, look }: Looking, { since }: GuestSeen): Promise<string[] | undefined> {
  const filter = { source: 'all', vmid: look.at.vmid, since: Math.floor(Date.parse(since) / 1000) - 5, limit: mostTasks } as const
  try {
    const tasks = await cluster.pve.tasks(look.at.node, filter)
    return tasks.length < mostTasks ? tasks.map(({ type }) => type) : undefined
  } catch (fault) {
    if (judge(fault).kind === 'denied') return undefined
    throw fault
  }
}

/** Later looks could tell no more than this one. */
const isUnclear = (known: GuestSeen, process: ProcessSeen) =>
  process.power === 'running' && (known.node !== process.node || judgeProcess(known, process).is === 'young')

const doubted = (climb: Looking, before: GuestSeen, verdict: StartVerdict, process: ProcessSeen): GuestSeen =>
  seenBefore({ before, verdict, shown: shownBy(climb), held: [], leaving: [], wanted: undefined, at: placeOf(climb, process) })

const placeOf = (climb: Looking, { node, pid }: ProcessSeen) => ({ since: pveNow(climb), node, ...(pid !== undefined && { pid }) })

/**
 * Before a request that gives PVE other values: the record, and which addresses the guest goes on using, are written first. The first values a
 * new VM is given need none, since its guest has not been started.
 */
export async function noteBeforeWrite(climb: Looking, patch: ConfigPatch, want: Want): Promise<boolean> {
  const { deps, draft } = climb
  const { guestSeen: before } = draft.status
  if (![...Object.keys(patch.set), ...patch.remove].some(isGuestKey)) return false
  const held = deps.book.held(draft.vm.metadata.uid ?? '').map(({ spec }) => spec.address)
  const shown = shownBy(climb)
  const isFirst = isBirth(draft.status) && !before && !addressesIn(shown.values.ipconfig0).some((address) => held.includes(address))
  if (isFirst) return false
  const process = await processOf(climb)
  if (!process) return false
  const leaving = leavingOf(climb)
  const verdict: StartVerdict = before ? await verdictOn(climb, before, process) : { is: 'unknown', why: '' }
  const wanted = want.cloudInit.ipconfig0
  const guestSeen = seenBefore({ before, verdict, shown, held, leaving, wanted, at: placeOf(climb, process) })
  await markLeaving(
    climb,
    leaving.filter((address) => guestSeen.addresses.includes(address)),
  )
  draft.change((status) => ({ ...status, guestSeen }))
  await draft.save()
  return true
}

/** PVE has it now, or may have it: only a start after this moment hands it to the guest. */
export function noteAfterWrite(climb: Looking): void {
  climb.look.powerAsked()
  const since = pveNow(climb)
  climb.draft.change((status) => (status.guestSeen ? { ...status, guestSeen: { ...status.guestSeen, since } } : status))
}

async function markLeaving({ deps, draft }: Looking, addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return
  deps.mayAct()
  const who = claimantOf(draft)
  const isKnown = (address: string) => deps.book.held(who.uid).some(({ spec }) => spec.address === address && spec.state === 'Releasing')
  const fresh = addresses.filter((address) => !isKnown(address))
  await deps.book.markReleasing(who, addresses, true)
  if (fresh.length === 0 || conditionOf(draft.status.conditions, 'Cloned')?.status !== 'True') return
  const message = `${fresh.join(', ')} stays reserved: the guest may use it until its next start from off`
  recordEvent(deps, draft.vm, 'Normal', 'AddressReleasing', message)
}
