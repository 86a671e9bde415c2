// After a history: nothing goes wrong any more, an admin does what messages ask for, everything comes to rest; then all is deleted.
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { pausedAnnotation } from '../../src/api/group.ts'
import { isTrue } from '../../src/api/condition.ts'
import { coreEvents, proxmoxVMs } from '../../src/api/meta.ts'
import { runHook } from '../../src/simulator/admin/hooks.ts'
import { holders } from '../support/portrait.ts'
import { isAtRest, isOver } from './invariants/objects.ts'
import { uidOf } from './invariants/guests.ts'
import { judgePossessions } from './invariants/possessions.ts'
import { untruthsOf } from './invariants/ready.ts'
import type { Invariant, Verdicts } from './invariants/verdicts.ts'
import { loseHung } from './ledger.ts'
import { commandsOf, hasFile, type Scene, vmsOf } from './scene.ts'
import { tellStuck } from './stuck.ts'

/** Real seconds, many more than it takes; the operator's pauses pass at once. */
const patienceSeconds = 120
const reasonOf = (vm: ProxmoxVM): string => {
  const { status, reason, message } = vm.status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
  return `${vm.metadata.name} ${vm.metadata.deletionTimestamp ? '(being deleted) ' : ''}Ready=${status}/${reason}: ${message}`
}

/** What stands still because of what a person did, and whether that is true. */
const truths: Readonly<Partial<Record<string, (scene: Scene, vm: ProxmoxVM) => boolean>>> = {
  VMMissing: (scene, vm) => !hasGuest(scene, vm),
  Removed: (scene, vm) => !hasGuest(scene, vm),
  // A reinstall that names what is not there.
  TemplateNotFound: (_, { spec }) => spec.reinstall?.template?.name === 'no-such-template',
  PackageNotFound: (_, { spec }) => spec.packageRef?.name === 'no-such-package',
  OwnedByFormerObject: (scene) => scene.ledger.orphans.size > 0,
  Paused: (_, { metadata }) => metadata.annotations?.[pausedAnnotation] !== undefined,
  // A stranger took the VMID of a VM that was cloned; before that a birth must have chosen another one.
  VMIDTaken: isTaken,
  VMForeign: isTaken,
  // A reinstall of a VM that people gave to HA.
  WouldBeLost: ({ world }, { status }) => world.simulator.world.ha.isConfigured(status?.vmid ?? 0),
  // A removal without Terminate, and a restore, wait until the VM is off.
  VMRunning: (_, { metadata, spec }) => metadata.deletionTimestamp !== undefined || spec.restore !== undefined,
  // A backup that failed, or went with its VM's former file.
  BackupNotFound: (_, { spec }) => spec.restore !== undefined,
}

function hasGuest({ world }: Scene, { status, metadata }: ProxmoxVM): boolean {
  const guest = world.simulator.world.guests.get(status?.vmid ?? 0)
  return guest !== undefined && uidOf(guest) === metadata.uid
}

function isTaken(scene: Scene, { status }: ProxmoxVM): boolean {
  return (status?.firstReadyAt !== undefined || isTrue(status?.conditions, 'Cloned')) && scene.strangers.has(status?.vmid ?? 0)
}

/**
 * A command waits as its VM does, until a person takes away what is in the way: a stranger that took the VMID during a reinstall; a VM of a
 * former object of the name, while there is none yet for this one.
 */
function waitsForPerson(scene: Scene, vm: ProxmoxVM): boolean {
  const { reason = '' } = vm.status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
  return ['VMIDTaken', 'OwnedByFormerObject'].includes(reason) && truths[reason]?.(scene, vm) === true
}

/** What is not as it should be; the invariant that says so. Undefined: it rests. */
function unrestOf(scene: Scene, vm: ProxmoxVM): Unrest | undefined {
  const { name, deletionTimestamp } = vm.metadata
  const guest = scene.world.simulator.world.guests.get(vm.status?.vmid ?? 0)
  const { isSuspended, shouldRun } = scene.ledger.ofUid(vm.metadata.uid ?? '') ?? {}
  if (isSuspended && !deletionTimestamp && guest?.isRunning && hasGuest(scene, vm))
    return { invariant: 'suspendedIsOff', name, text: `${name} is suspended and runs: ${reasonOf(vm)}` }
  if (isAtRest(vm)) {
    if (shouldRun && !isSuspended && !guest?.isRunning)
      return { invariant: 'runsAgain', name, text: `${name} ran before it was changed or suspended and is off: ${reasonOf(vm)}` }
    const untruths = untruthsOf(scene, vm)
    return untruths.length > 0 ? { invariant: 'readyIsTrue', name, text: `${name} is Ready: ${untruths.join('; ')}` } : undefined
  }
  const { reason = '' } = vm.status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
  return truths[reason]?.(scene, vm) ? undefined : { invariant: 'rest', name, text: reasonOf(vm) }
}

interface Unrest {
  readonly invariant: Invariant
  readonly name: string
  readonly text: string
}

const unrest = (name: string, text: string): Unrest => ({ invariant: 'rest', name, text })

/** Until nothing is left; the operator's time is moved on meanwhile. The last answer of `left` is what did not come to rest. */
async function patiently(scene: Scene, left: () => Promise<Unrest[]>, verdicts: Verdicts): Promise<void> {
  const endMs = performance.now() + patienceSeconds * 1000
  for (;;) {
    const waiting = await left()
    if (waiting.length === 0) return
    if (performance.now() > endMs) {
      for (const { invariant, name, text } of waiting) verdicts.broken(invariant, name, text)
      return await tellStuck(scene, new Set(waiting.map(({ name }) => name)))
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
    // Each third of a second 10 s: what waits for a minute waits for two seconds.
    scene.world.skip(10_000)
    await followAdvice(scene)
  }
}

/** An admin runs what the operator's messages say must be run. */
async function followAdvice(scene: Scene): Promise<void> {
  const { world } = scene.world.simulator
  await mendHa(scene)
  for (const vm of await vmsOf(scene)) {
    const { reason, message = '' } = vm.status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
    const halfMade = Number(/^VM (\d+) .* lacks .*If the VM holds nothing of value, delete it in PVE, with the disks/.exec(message)?.[1])
    const vmid = halfMade || Number(/qm (?:unlock|destroy) (\d+)/.exec(message)?.[1])
    const guest = world.guests.get(vmid)
    const left = Number(/pvesm list STORAGE --vmid (\d+)/.exec(message)?.[1])
    if (left && !world.guests.has(left))
      for (const volume of world.storage.ownedBy(left)) if (volume.content === 'images') world.storage.remove(volume)
    if (reason === 'MustResume' && guest === undefined) {
      const asleep = world.guests.get(vm.status?.vmid ?? 0)
      if (asleep?.lock !== 'suspended') continue
      scene.tell(`  an admin does what ${vm.metadata.name} says: ${message}`)
      await scene.world.inPve('POST', `/nodes/${asleep.node}/qemu/${asleep.vmid}/status/start`)
    }
    if (reason !== 'StuckLock' || !guest || (guest.lock === undefined && !halfMade)) continue
    const isDestroyed = halfMade > 0 || message.includes(`qm destroy ${vmid}`)
    scene.tell(`  an admin does what ${vm.metadata.name} says: ${message}`)
    runHook(world, { op: 'unlock', args: [vmid] })
    const withAll = { 'destroy-unreferenced-disks': halfMade || message.includes('--destroy-unreferenced-disks 1') ? 1 : 0 }
    const account = isDestroyed ? scene.ledger.ofUid(vm.metadata.uid ?? '') : undefined
    if (account) loseHung(account)
    if (isDestroyed) await scene.world.inPve('DELETE', `/nodes/${guest.node}/qemu/${vmid}`, withAll)
  }
}

/** What HA holds in state error gets out of it by the wish to be disabled, and then is to run again, or to be off where it is suspended. */
async function mendHa({ world, ledger }: Scene): Promise<void> {
  const { ha } = world.simulator.world
  for (const sid of ha.resources.keys()) {
    const { state } = ha.services.get(sid) ?? {}
    const after = ledger.ofVmid(Number(sid.split(':')[1]))?.isSuspended ? 'stopped' : 'started'
    if (state === 'error') await world.inPve('PUT', `/cluster/ha/resources/${sid}`, { state: 'disabled' })
    else if (state === 'stopped' && ha.wanted(sid) === 'disabled')
      await world.inPve('PUT', `/cluster/ha/resources/${sid}`, { state: after })
  }
}

/** Locks of admins are taken off, pauses too. */
async function tidyUp(scene: Scene): Promise<void> {
  for (const guest of scene.world.guests())
    if (guest.lock === 'backup') runHook(scene.world.simulator.world, { op: 'unlock', args: [guest.vmid] })
  for (const account of scene.ledger.all()) account.isPaused = false
  for (const { metadata } of await vmsOf(scene)) {
    if (!metadata.annotations?.[pausedAnnotation]) continue
    const annotations = { [pausedAnnotation]: null }
    await scene.world.client.mergePatch(
      proxmoxVMs,
      { namespace: scene.world.namespace, name: metadata.name ?? '' },
      { metadata: { annotations } },
    )
  }
  scene.ledger.touchedAll()
}

export async function comesToRest(scene: Scene, verdicts: Verdicts): Promise<void> {
  await tidyUp(scene)
  await patiently(
    scene,
    async () => {
      const vms = await vmsOf(scene)
      const waiting = new Set(vms.filter((vm) => waitsForPerson(scene, vm)).map(({ metadata }) => metadata.name))
      const saidOf = new Map(vms.map((vm) => [vm.metadata.name, reasonOf(vm)]))
      return [
        ...vms.flatMap((vm) => unrestOf(scene, vm) ?? []),
        ...(await commandsOf(scene))
          .filter((one) => !isOver(one) && !waiting.has(one.spec.vmRef.name))
          .map(({ metadata: { name }, status, spec }) =>
            unrest(name, `${name} ${status?.phase}: ${status?.message}; ${saidOf.get(spec.vmRef.name)}`),
          ),
      ]
    },
    verdicts,
  )
  for (const vm of await vmsOf(scene)) judgePossessions(scene, vm, verdicts)
}

export async function goesAway(scene: Scene, verdicts: Verdicts): Promise<void> {
  for (const vm of await vmsOf(scene)) {
    const { name, uid = '' } = vm.metadata
    const account = scene.ledger.ofUid(uid)
    if (account) {
      scene.ledger.ask(account, { destroy: true })
      account.isDeleted = true
      account.isTerminated = true
    }
    await scene.world.edit(name, { spec: { deletionPolicy: 'Terminate' } })
    await scene.world.delete(name)
  }
  await patiently(scene, async () => (await vmsOf(scene)).map((vm) => unrest(vm.metadata.name, reasonOf(vm))), verdicts)
  const { ledger, world, pools } = scene
  const kept = (uid: string | undefined): boolean => uid !== undefined && ledger.orphans.has(uid)
  for (const guest of world.guests()) {
    if (scene.strangers.has(guest.vmid) || kept(uidOf(guest))) continue
    const owner = ledger.ofUid(uidOf(guest) ?? '') ?? ledger.ofVmid(guest.vmid)
    // An orphan that was being born has no mark yet.
    if (kept(owner?.uid)) continue
    verdicts.broken('nothingLeft', guest.vmid, `VMID ${guest.vmid} of ${owner?.name ?? 'nobody'} is still there`)
  }
  const held = (await holders(world, pools)).filter((line) => !kept(line.split(' ')[1]))
  for (const line of held) verdicts.broken('nothingLeft', line, `${line} is still held`)
  // Files without our mark belong to whoever has the VMID by then.
  for (const account of scene.ledger.all())
    for (const backup of account.isTerminated && !scene.strangers.has(account.vmid ?? 0) ? account.own.backups : [])
      if (hasFile(scene, backup)) verdicts.broken('nothingLeft', backup, `the backup ${backup} of ${account.name} is still there`)
  const told = volumesToldOf(scene)
  const toldVmids = await vmidsToldOf(scene)
  for (const volume of world.simulator.world.storage.all()) {
    const { vmid } = volume
    if (told.has(`${volume.storage}:${volume.name}`) || toldVmids.has(vmid ?? 0)) continue
    if (vmid === undefined || vmid < 10_000 || volume.content === 'backup' || world.simulator.world.guests.has(vmid)) continue
    verdicts.broken(
      'nothingLeft',
      volume.name,
      `the volume ${volume.storage}:${volume.name} on ${volume.node ?? 'all nodes'} belongs to no guest`,
    )
  }
}

/** What PVE could not look for, or does not see where the VM is deleted: the Event DisksLeft names the VMID and the command. */
async function vmidsToldOf({ world }: Scene): Promise<Set<number>> {
  const events = await world.client.list(coreEvents, { namespace: world.namespace })
  const notes = events.flatMap(({ reason, note = '' }) => (reason === 'DisksLeft' ? [note] : []))
  return new Set(notes.flatMap((note) => Number(/pvesm list STORAGE --vmid (\d+)/.exec(note)?.[1])))
}

/** PVE deletes a VM whose storage is off, and warns of the disks that it left there; the Event TaskWarnings passes that on. */
function volumesToldOf({ world }: Scene): Set<string> {
  const { nodes, tasks } = world.simulator.world
  const lines = [...nodes.keys()].flatMap((node) => tasks.onNode(node)).flatMap(({ type, log }) => (type === 'qmdestroy' ? log : []))
  return new Set(lines.flatMap((line) => /Could not remove disk '([^']+)'/.exec(line)?.[1] ?? []))
}
