import { power } from '../../steps/power.ts'
import { provision } from '../../lifecycle.ts'
import { beginChange, concernsPackage, isNoted, planChange } from './change.ts'
import { ensureCloned } from '../create/clone.ts'
import { holds, type Verdict } from '../conditions.ts'
import type { Seen, Want } from '../../ladder/machine.ts'
import { planNext, rungReached, type Judged, type Plan } from '../../ladder/plan.ts'
import { nowIso, tell } from '../dependencies.ts'
import { cloneFinished, judged, noted, reached, working } from '../status.ts'
import type { VMRecord } from '../status-draft.ts'
import { VMWorld } from '../pve-guest-writer.ts'
import type { ConfigPatch } from '../../ladder/guest-writer.ts'
import { isBirth } from '../../want/birth.ts'
import { type Outcome, done, retry, wait } from '../../ladder/outcome.ts'
import type { Climb } from '../climb-pass.ts'
import { isTrue } from '../../api/condition.ts'

/** What the ladder left open on purpose, with the wish it was climbed for. */
export interface Climbed {
  readonly want: Want
  readonly refusals: readonly Judged[]
  readonly seen: Seen
}

/** More requests than any package can need; beyond that PVE is not taking what it accepts. */
const mostTurns = 100
/** The same thing found missing this often in one pass. */
const mostRepeats = 2

/** Looks, chooses, acts, and looks again, until nothing is missing or something must be waited for. Nobody waits here: waiting is returning. */
export async function climb(it: Climb): Promise<Outcome | Climbed> {
  const cloned = await ensureCloned(it)
  if (cloned.is !== 'done') return cloned
  markCloned(it)
  const tried = new Map<string, number>()
  for (let turn = 0; turn < mostTurns; turn++) {
    await it.look.need('config')
    const want = it.wish()
    if ('is' in want) return want
    const plan = await planNext(it.ladder, it.look, want)
    note(it, plan)
    if (plan.is === 'rest') return { want, refusals: plan.refusals, seen: it.look.seen }
    if (it.look.isCarried) return lookAgain
    const { lock } = it.look.seen
    if (lock && lock !== 'suspended') return locked(it, lock)
    if (await noteChange(it, plan, want)) continue
    const sentence = `${plan.step.name}: ${plan.because}`
    const times = (tried.get(sentence) ?? 0) + 1
    if (times > mostRepeats) return retry('NotConverging', `PVE accepted this and does not show it: ${sentence}`)
    tried.set(sentence, times)
    const outcome = await act(it, plan, want)
    if (outcome.is !== 'done') return outcome
  }
  return retry('NotConverging', `${mostTurns} requests did not settle the VM.`)
}

const lookAgain: Outcome = {
  is: 'wait',
  reason: 'Applying',
  on: 'The VM is looked at before anything is sent.',
  lookAfterMs: 0,
  isQuiet: true,
}

function markCloned({ record, room, look }: Climb): void {
  const { node } = look.seen
  const iso = nowIso(room.clock)
  const { vmid, template, conditions } = record.status
  if (!isTrue(conditions, 'Cloned')) record.change(cloneFinished(iso, `VM ${vmid} on ${node}, from template ${template?.vmid}`))
  record.change(judged(record.vm, iso, [holds('Cloned')]), (status) => ({ ...status, ...(node && { node }) }))
  if (!look.seen.lock) record.change(({ remoteLock: _, ...status }) => status)
}

/** Only after a look is a rung a fact. It is written when the pass returns, so a birth costs few writes and the value may jump. */
function note({ record, room, ladder }: Climb, plan: Plan): void {
  const iso = nowIso(room.clock)
  const { localStatus, step } = record.status
  // The line of history of what is finished counts from the step before, so it is written first.
  if (isBirth(record.status) && plan.is !== 'rest' && ladder === provision) record.change(reached(rungReached(plan), iso, ''))
  if (plan.is !== 'rest') record.change(working(plan.step.name, iso))
  if (!isBirth(record.status) || plan.is === 'rest') return
  if (localStatus === record.status.localStatus) return
  tell(room, record.vm, 'Normal', 'StepFinished', `${record.status.localStatus} (${record.status.progress})`)
  room.observe.stepEnded(record.status.localStatus ?? '', 'done', (room.clock.now() - Date.parse(step?.since ?? iso)) / 1000)
}

/** An edit of a VM that was ready is noted whole before its first request. Power alone is no change of package, and neither is a repair. */
async function noteChange(it: Climb, plan: Exclude<Plan, { is: 'rest' }>, want: Want): Promise<boolean> {
  const { record, room, look } = it
  const isEdit =
    !it.isRepair && !isBirth(record.status) && plan.step.rung !== 'ready' && (plan.is !== 'config' || concernsPackage(plan.patch))
  if (!isEdit || it.ladder !== provision || isNoted(record)) return false
  await beginChange(room, record, look, await planChange(it.ladder, look, want))
  return true
}

/** On a VM that was ready each thing done is a line of its own: it is an edit, or somebody changed the VM in PVE. */
function noteEdit({ record, room, isRepair }: Climb, plan: Exclude<Plan, { is: 'rest' }>): void {
  if (isBirth(record.status)) return
  record.change(noted(plan.step.name, nowIso(room.clock), isRepair ? 'Repaired' : 'Applied', plan.because))
  if (isRepair) tell(room, record.vm, 'Normal', 'DriftRepaired', plan.because)
}

async function act(it: Climb, plan: Exclude<Plan, { is: 'rest' }>, want: Want): Promise<Outcome> {
  const { look, record, room } = it
  const world = new VMWorld({ cluster: it.cluster, look, record, mayAct: room.mayAct })
  room.log.info({ vm: it.key, vmid: want.vmid, step: plan.step.name }, plan.because)
  noteEdit(it, plan)
  const { config, firewall } = look.seen
  if (plan.step === power && config && firewall) it.memory.carried = { config, firewall }
  if (plan.is === 'step') return await plan.step.apply({ world, seen: look.seen, want })
  await noteSlots(record)
  const outcome = await world.writeConfig(plan.patch, look.seen.config?.digest ?? '')
  const passwordVersion = plan.patch.set.cipassword === undefined ? undefined : want.passwordVersion
  // Not of a task under way: if that failed, the template's password would pass for ours.
  if (!outcome && passwordVersion !== undefined)
    record.change((status) => ({ ...status, cloudInit: { ...status.cloudInit, passwordVersion } }))
  markCloudInit(it, plan.patch)
  return outcome ?? done
}

/** A running guest gets it from its cloud-init drive, which PVE makes anew only at a cold start (qemu-server, `vm_start`). */
function markCloudInit({ record, room }: Climb, { set, remove }: ConfigPatch): void {
  const keys = [...Object.keys(set), ...remove].filter((key) => /^(ci|ipconfig|sshkeys|nameserver|searchdomain)/.test(key))
  if (keys.length > 0 && !isBirth(record.status) && record.status.remoteStatus === 'running')
    record.change(judged(record.vm, nowIso(room.clock), [atNextStart(keys)]))
}

export const atNextStart = (keys: readonly string[]): Verdict =>
  holds('CloudInitConfigured', 'RestartRequired', `Takes effect in the guest when the VM is next started from off: ${keys.join(', ')}.`)

/** A slot is in status before its disk is allocated: after a lost answer a filled slot is known as ours. */
async function noteSlots(record: VMRecord): Promise<void> {
  const stored = record.vm.status?.disks ?? []
  const isNoted = (record.status.disks ?? []).every((disk) => stored.some((other) => other.name === disk.name && other.key === disk.key))
  if (!isNoted) await record.save()
}

function locked({ record, room }: Climb, lock: string): Outcome {
  record.change((status) => ({ ...status, remoteLock: lock }), working(record.status.step?.name ?? 'ready', nowIso(room.clock)))
  return wait('Locked', `PVE holds the lock "${lock}" on VM ${record.status.vmid}; nothing is changed until it goes.`, 60_000)
}
