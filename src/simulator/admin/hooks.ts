// Things that happen on a node without an API call.
import { type Process, runStates } from '../guests/guest.ts'
import { parseSizeBytes } from '../guests/size.ts'
import { rebootInside, stopGuest } from '../guests/start.ts'
import { ownName, type Volume } from '../storage/volume.ts'
import type { World } from '../world/world.ts'
import { BadRequest, objectOf } from './bad-request.ts'

type Hook = (world: World, args: readonly string[]) => void

function guestOf(world: World, vmid: string | undefined): number {
  const id = Number(vmid)
  if (!world.guests.has(id)) throw new BadRequest(`there is no VM '${vmid ?? ''}'`)
  return id
}

/** The services of every node that can be stopped and started. */
const services: Readonly<Record<string, (world: World, running: boolean) => void>> = {
  pvedaemon: (world, running) => {
    for (const node of world.nodes.values()) node.pvedaemon = running
  },
  pvestatd: (world, running) => {
    for (const node of world.nodes.values()) node.pvestatd = running
  },
  'pve-ha-crm': ({ ha }, running) => {
    ha.running.crm = running
  },
  'pve-ha-lrm': ({ ha }, running) => {
    ha.running.lrm = running
  },
}

function setService(world: World, name: string | undefined, running: boolean): void {
  const set = services[name ?? '']
  if (set === undefined)
    throw new BadRequest(`the services that can be stopped and started are ${Object.keys(services).join(', ')}, not '${name ?? ''}'`)
  set(world, running)
}

/** The kind of file a backup's name says: `vma.zst` of `vzdump-qemu-100-….vma.zst`. */
function formatOf(name: string): string {
  return /\.(tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?)$/.exec(name)?.[1] ?? 'vma'
}

function addBackup(world: World, name: string | undefined): void {
  if (name === undefined || name === '' || name.includes('/'))
    throw new BadRequest('backup-file needs a file name, for example vzdump-qemu-100-2026_01_02-03_04_05.vma.zst')
  const vmid = /^vzdump-(?:qemu|lxc)-(\d+)-/.exec(name)?.[1]
  const storage = world.storage.definitions.get('local')
  if (storage === undefined) throw new BadRequest("backup-file needs a storage 'local'")
  world.storage.add({
    storage: 'local',
    node: storage.shared ? undefined : world.firstNode.name,
    name: `backup/${name}`,
    format: formatOf(name),
    sizeBytes: 1000,
    usedBytes: 1000,
    content: 'backup',
    vmid: vmid === undefined ? undefined : Number(vmid),
  })
}

/** A volume by its id, its name or the end of its path. */
function volumeAt(world: World, path: string | undefined): Volume {
  const isIt = ({ storage, name }: Volume) =>
    [`${storage}:${name}`, `${storage}:${ownName(name)}`, name].includes(path ?? '') || name.endsWith(`/${path ?? ''}`)
  return [...world.storage.all()].find(isIt) ?? fail(`there is no volume '${path ?? ''}'`)
}

function runningOf(world: World, vmid: string | undefined): Process {
  return world.guests.get(guestOf(world, vmid))?.process ?? fail(`VM ${vmid} does not run`)
}

function fail(text: string): never {
  throw new BadRequest(text)
}

function bytesOf(text: string | undefined, what: string): number {
  const bytes = parseSizeBytes(text ?? '')
  return bytes ?? fail(`${what} is a number of bytes or a size like 20G, not '${text ?? ''}'`)
}

/** Somebody grew it below PVE: the config still names the old size. */
function resizeVolume(world: World, path: string | undefined, size: string | undefined): void {
  world.storage.change(volumeAt(world, path), { sizeBytes: bytesOf(size, 'the size') })
}

function breakSnapshot(world: World, vmid: string | undefined, name: string | undefined): void {
  const snapshots = world.guests.get(guestOf(world, vmid))?.snapshots
  const snapshot =
    snapshots?.get(name ?? '') ?? fail(`VM ${vmid} has no snapshot '${name ?? ''}'; it has: ${[...(snapshots?.keys() ?? [])].join(', ')}`)
  snapshot.isBroken = true
}

function setRunState(world: World, vmid: string | undefined, state: string | undefined): void {
  const known = runStates.find((one) => one === state) ?? fail(`a run state is one of: ${runStates.join(', ')}; not '${state ?? ''}'`)
  runningOf(world, vmid).run = known
}

/** Things that happen on a node without an API call. */
const hooks: Readonly<Record<string, Hook>> = {
  lock: (world, [vmid, name]) => {
    if (name === undefined || name === '') throw new BadRequest('lock needs a VMID and the name of the lock, for example ["100", "backup"]')
    world.setLock(guestOf(world, vmid), name)
  },
  unlock: (world, [vmid]) => world.setLock(guestOf(world, vmid), undefined),
  'kill-task': (world, [upid]) => {
    if (upid === undefined || world.tasks.get(upid) === undefined) throw new BadRequest(`there is no task '${upid ?? ''}'`)
    world.tasks.kill(upid)
  },
  'rm-volume': (world, [path]) => world.storage.remove(volumeAt(world, path)),
  'resize-volume': (world, [path, size]) => resizeVolume(world, path, size),
  'break-snapshot': (world, [vmid, name]) => breakSnapshot(world, vmid, name),
  traffic: (world, [vmid, received, sent]) => {
    const process = runningOf(world, vmid)
    process.netIn += bytesOf(received, 'the traffic in')
    process.netOut += bytesOf(sent, 'the traffic out')
  },
  'traffic-rate': (world, [vmid, received, sent]) => {
    const [inPerSecond, outPerSecond] = [bytesOf(received, 'the bytes in a second'), bytesOf(sent, 'the bytes out a second')]
    runningOf(world, vmid).flow = { inPerSecond, outPerSecond, sinceMs: world.clock.now() }
  },
  'cloud-init-errors': (world, [vmid, ...errors]) => {
    runningOf(world, vmid).inside.cloudInitErrors = errors
  },
  'run-state': (world, [vmid, state]) => setRunState(world, vmid, state),
  'power-off': (world, [vmid]) => {
    runningOf(world, vmid)
    const guest = world.guests.get(guestOf(world, vmid))
    if (guest) stopGuest(world, guest)
  },
  'guest-reboot': (world, [vmid]) => {
    runningOf(world, vmid)
    const guest = world.guests.get(guestOf(world, vmid))
    if (guest) rebootInside(world, guest)
  },
  'backup-file': (world, [name]) => addBackup(world, name),
  'stop-service': (world, [name]) => setService(world, name, false),
  'start-service': (world, [name]) => setService(world, name, true),
}

/** The hook a body `{op, args}` names; a BadRequest says what is wrong with it. */
export function readHook(body: unknown): (world: World) => void {
  const { op, args = [] } = objectOf(body, 'a hook')
  const hook = typeof op === 'string' ? hooks[op] : undefined
  if (hook === undefined) throw new BadRequest(`op must be one of: ${Object.keys(hooks).join(', ')}`)
  if (!Array.isArray(args)) throw new BadRequest('args must be a list, for example {"op": "lock", "args": ["100", "backup"]}')
  return (world) => hook(world, args.map(String))
}

/** Carries out `{op, args}`. */
export function runHook(world: World, body: unknown): void {
  readHook(body)(world)
}
