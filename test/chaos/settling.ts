// After a history: nothing goes wrong any more, an admin does what messages ask for, everything comes to rest; then all is deleted.
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { pausedAnnotation } from '../../src/api/group.ts'
import { proxmoxVMs } from '../../src/api/meta.ts'
import { runHook } from '../../src/simulator/admin/hooks.ts'
import { holders } from '../support/portrait.ts'
import { isAtRest, isOver } from './invariants/objects.ts'
import { uidOf } from './invariants/guests.ts'
import type { Verdicts } from './invariants/verdicts.ts'
import { commandsOf, type Scene, vmsOf } from './scene.ts'

/** Real seconds; the operator's pauses pass at once. */
const patienceSeconds = 60
/** What stands still because of what a person did: an admin destroyed the VM, a request names what is not there, it was removed. */
const restingReasons: readonly string[] = ['VMMissing', 'Removed', 'TemplateNotFound', 'OwnedByFormerObject', 'Paused']

const reasonOf = (vm: ProxmoxVM): string => {
  const { status, reason, message } = vm.status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
  return `${vm.metadata.name} ${vm.metadata.deletionTimestamp ? '(being deleted) ' : ''}Ready=${status}/${reason}: ${message}`
}

const isResting = (scene: Scene, vm: ProxmoxVM): boolean => {
  const { reason = '' } = vm.status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
  // A stranger took the VMID while the VM was made anew; a birth must have chosen another one.
  const isTaken = reason === 'VMIDTaken' && vm.status?.firstReadyAt !== undefined && scene.strangers.has(vm.status.vmid ?? 0)
  return (
    isTaken || isAtRest(vm) || restingReasons.includes(reason) || (vm.metadata.deletionTimestamp !== undefined && reason === 'VMRunning')
  )
}

/** Until `isDone`; the operator's time is moved on meanwhile. The last answer of `left` is what did not come to rest. */
async function patiently(scene: Scene, left: () => Promise<string[]>, verdicts: Verdicts): Promise<void> {
  const endMs = performance.now() + patienceSeconds * 1000
  for (let round = 1; ; round++) {
    const waiting = await left()
    if (waiting.length === 0) return
    if (performance.now() > endMs) return waiting.forEach((line) => verdicts.broken('rest', line.split(' ')[0] ?? '', line))
    await new Promise((resolve) => setTimeout(resolve, 300))
    // Each third of a second 10 s: what waits for a minute waits for two seconds.
    scene.world.skip(10_000)
    await followAdvice(scene)
  }
}

/** An admin runs what the operator's messages say must be run. */
async function followAdvice(scene: Scene): Promise<void> {
  const { world } = scene.world.simulator
  for (const vm of await vmsOf(scene)) {
    const { reason, message = '' } = vm.status?.conditions?.find(({ type }) => type === 'Ready') ?? {}
    const vmid = Number(/qm (?:unlock|destroy) (\d+)/.exec(message)?.[1])
    const guest = world.guests.get(vmid)
    const left = Number(/pvesm list STORAGE --vmid (\d+)/.exec(message)?.[1])
    if (left && !world.guests.has(left)) for (const volume of world.storage.ownedBy(left)) world.storage.remove(volume)
    if (reason === 'MustResume' && guest === undefined) {
      const asleep = world.guests.get(vm.status?.vmid ?? 0)
      if (asleep?.lock !== 'suspended') continue
      scene.tell(`  an admin does what ${vm.metadata.name} says: ${message}`)
      await scene.world.inPve('POST', `/nodes/${asleep.node}/qemu/${asleep.vmid}/status/start`)
    }
    if (reason !== 'StuckLock' || !guest || guest.lock === undefined) continue
    scene.tell(`  an admin does what ${vm.metadata.name} says: ${message}`)
    runHook(world, { op: 'unlock', args: [vmid] })
    if (message.includes(`qm destroy ${vmid}`)) await scene.world.inPve('DELETE', `/nodes/${guest.node}/qemu/${vmid}`)
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
    async () => [
      ...(await vmsOf(scene)).filter((vm) => !isResting(scene, vm)).map(reasonOf),
      ...(await commandsOf(scene))
        .filter((one) => !isOver(one))
        .map((one) => `${one.metadata.name} ${one.status?.phase}: ${one.status?.message}`),
    ],
    verdicts,
  )
  for (const vm of await vmsOf(scene)) possessions(scene, vm, verdicts)
}

function possessions(scene: Scene, vm: ProxmoxVM, verdicts: Verdicts): void {
  const account = scene.ledger.ofUid(vm.metadata.uid ?? '')
  const { guests, firewall } = scene.world.simulator.world
  const { vmid = 0 } = vm.status ?? {}
  if (!account?.ownRule || !isAtRest(vm) || !guests.has(vmid)) return
  if (firewall.get(vmid)?.rules.some(({ comment }) => comment === account.ownRule)) return
  verdicts.broken(
    'possessionsStay',
    account.name,
    `the rule ${account.ownRule} that an admin added to ${account.name} (VMID ${vmid}) is gone`,
  )
}

export async function goesAway(scene: Scene, verdicts: Verdicts): Promise<void> {
  for (const vm of await vmsOf(scene)) {
    const { name, uid = '' } = vm.metadata
    const account = scene.ledger.ofUid(uid)
    if (account) {
      scene.ledger.ask(account, { destroy: true })
      account.isDeleted = true
    }
    await scene.world.edit(name, { spec: { deletionPolicy: 'Terminate' } })
    await scene.world.delete(name)
  }
  await patiently(scene, async () => (await vmsOf(scene)).map(reasonOf), verdicts)
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
  const told = volumesToldOf(scene)
  for (const volume of world.simulator.world.storage.all()) {
    const { vmid } = volume
    if (told.has(`${volume.storage}:${volume.name}`)) continue
    if (vmid === undefined || vmid < 10_000 || volume.content === 'backup' || world.simulator.world.guests.has(vmid)) continue
    verdicts.broken(
      'nothingLeft',
      volume.name,
      `the volume ${volume.storage}:${volume.name} on ${volume.node ?? 'all nodes'} belongs to no guest`,
    )
  }
}

/** PVE deletes a VM whose storage is off, and warns of the disks that it left there; the Event TaskWarnings passes that on. */
function volumesToldOf({ world }: Scene): Set<string> {
  const { nodes, tasks } = world.simulator.world
  const lines = [...nodes.keys()].flatMap((node) => tasks.onNode(node)).flatMap(({ type, log }) => (type === 'qmdestroy' ? log : []))
  return new Set(lines.flatMap((line) => /Could not remove disk '([^']+)'/.exec(line)?.[1] ?? []))
}
