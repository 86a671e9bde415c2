// How a VM comes up and goes down: what PVE checks, applies and writes before QEMU runs.
import { refuse } from '../http/refusal.ts'
import { splitVolid } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { cleanUpLater } from './cleanup.ts'
import { checkSnippets, cloudInitKey, regenerate } from './cloudinit.ts'
import { isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { checkLock, loadGuest } from './find.ts'
import { type Guest, type Inside, isPaused, type Section } from './guest.ts'
import { hotplugFeatures } from './hotplug.ts'
import { bootInside } from './inside.ts'
import { parseNet } from './net.ts'
import { applyPending } from './pending.ts'
import { newProcess } from './process.ts'
import { memoryMiB } from './usage.ts'

/** What qemu-server vm_start does, in its order. A hibernated guest goes on where it was, with its old cloud-init drive. */
export async function startGuest(world: World, node: string, vmid: number, worker: Worker): Promise<void> {
  const guest = loadGuest(world, node, vmid)
  if (guest.isTemplate) refuse("you can't start a vm if it's a template")
  const isSuspended = guest.lock === 'suspended'
  if (guest.lock === 'backup' && guest.isRunning) {
    if (guest.process) guest.process.run = 'running'
    return
  }
  if (!isSuspended) checkLock(guest)
  if (guest.isRunning) refuse(`VM ${vmid} already running`)
  if (!isSuspended) applyPending(world, guest, undefined)
  checkHost(world, node, guest, worker)
  if (!isSuspended) {
    if (cloudInitKey(guest.config) !== undefined) worker.log('generating cloud-init ISO')
    regenerate(guest)
  }
  await worker.work(world.spec.durations.startMs)
  launch(world, guest, isSuspended ? wake(world, guest) : undefined)
}

function wake(world: World, guest: Guest): Inside | undefined {
  const volume = world.storage.find(guest.config.get('vmstate') ?? '', guest.node)
  if (volume) world.storage.remove(volume)
  for (const key of ['lock', 'vmstate', 'runningmachine', 'runningcpu']) guest.config.delete(key)
  const inside = guest.asleep
  guest.asleep = undefined
  return inside
}

/** Starts a QEMU process for the guest. `inside`: the system that goes on in it; without one it boots from its drives. */
export function launch(world: World, guest: Guest, inside?: Inside): void {
  guest.process = newProcess(guest, { pid: world.tasks.nextPid(), nowMs: world.clock.now(), agentMs: agentMs(world), inside })
}

/** From a boot until the guest agent answers, in real milliseconds. */
function agentMs(world: World): number {
  return world.spec.durations.agentMs / world.clock.speed
}

function checkHost(world: World, node: string, guest: Guest, worker: Worker): void {
  const host = world.nodes.get(node)
  const { config } = guest
  checkSnippets(world, node, guest)
  for (const [key, text] of config) {
    const volid = isDriveKey(key) ? volumeOf(parseDrive(key, text)) : undefined
    const storage = volid === undefined ? undefined : splitVolid(volid)?.storage
    if (volid === undefined || storage === undefined) continue
    const definition = world.storage.usable(storage, node)
    if (!definition.content.includes('images') && !text.includes('media=cdrom'))
      refuse(`storage '${storage}' does not support content-type 'images'`)
    if (!definition.online) refuse(`storage '${storage}' is not online`)
    if (!world.storage.find(volid, node)) refuse(`volume '${volid}' does not exist`)
  }
  const cpus = Number(config.get('sockets') ?? 1) * Number(config.get('cores') ?? 1)
  if (cpus > (host?.cpus ?? 1)) refuse(`MAX ${host?.cpus ?? 1} vcpus allowed per VM on this node`)
  for (const [key, text] of config) {
    const bridge = /^net\d+$/.test(key) ? parseNet(text)['bridge'] : undefined
    const known = world.spec.bridges.some((b) => b.iface === bridge && (b.nodes?.includes(node) ?? true))
    if (bridge !== undefined && !known) refuse(`bridge '${bridge}' does not exist`)
  }
  if (host?.kvm === false && config.get('kvm') !== '0')
    refuse('KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS.')
  if (/^(?:cputype=)?host\b/.test(config.get('cpu') ?? '') && config.get('kvm') === '0') {
    worker.log("qemu-system-x86_64: CPU model 'host' requires KVM or HVF")
    refuse('start failed: QEMU exited with code 1')
  }
  checkHotplugMemory(config)
  if (memoryMiB(config) * 1024 ** 2 > (host?.memoryBytes ?? Number.POSITIVE_INFINITY)) refuse('start failed: QEMU exited with code 1')
}

/** Memory that can be plugged needs NUMA nodes of PVE's own and 1 GiB to begin with (PVE::QemuServer::Memory config). */
function checkHotplugMemory(config: Section): void {
  if (!hotplugFeatures(config).has('memory')) return
  if (config.get('numa') !== '1') refuse('NUMA needs to be enabled for memory hotplug')
  if ([...config.keys()].some((key) => /^numa\d+$/.test(key))) refuse('cannot enable memory hotplugging with custom NUMA topology')
  if (memoryMiB(config) < 1024) refuse('minimum memory must be 1024MB')
}

/** The process ends: what waited is applied, as PVE does after a stop. */
export function stopGuest(world: World, guest: Guest): void {
  guest.process = undefined
  applyPending(world, guest, undefined)
  cleanUpLater(world, guest.vmid)
}

/** The same process starts over: the guest reads its drives again; a paused one waits for a resume. */
export function rebootInside(world: World, guest: Guest): void {
  const { process } = guest
  if (!process) return
  process.run = isPaused(process) ? 'prelaunch' : 'running'
  const nowMs = world.clock.now()
  process.inside = bootInside(guest, nowMs)
  if (process.agentAtMs !== undefined) process.agentAtMs = nowMs + agentMs(world)
}
