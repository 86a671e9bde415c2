import { forbidden, PveRefusal, refuse } from '../http/refusal.ts'
import { type Call, flag, int, str } from '../routes.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { type Allocation, checkStorageAccess, createDisks } from './disks.ts'
import { driveKeys, isCdrom, isDriveKey, parseDrive } from './drive.ts'
import { checkQuorum, flockPath } from './find.ts'
import { Guest, type Section } from './guest.ts'
import { normalise, onlyRoot, settingsOf } from './options.ts'
import { checkBridges, checkDeviceValue, checkOptionPermissions } from './permissions.ts'
import { mayRestore, restore } from './restore.ts'
import { startGuest } from './start.ts'
import { orderOf } from './update.ts'
import { storedValue } from './stored.ts'
import { checkTags, uniqueTags } from './tags.ts'
import { tidy } from './write.ts'
import { regenerate } from './cloudinit.ts'

const flockMs = 5000

/** POST /nodes/{node}/qemu. The stub with `lock: create` is there before the answer. */
export async function create(call: Call): Promise<string> {
  const { world, node, user } = call
  const vmid = int(call, 'vmid') ?? 0
  checkQuorum(world)
  const pool = str(call, 'pool')
  if (pool !== undefined && !world.access.pools.has(pool))
    throw new PveRefusal(403, `Permission check failed (pool '${pool}' does not exist)`)
  const storage = str(call, 'storage')
  if (storage !== undefined) call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
  if (flag(call, 'ha-managed')) call.check('/', ['Sys.Console'])
  const asked = throughPool(call, vmid, pool)
  if (flag(call, 'start')) asked.check(`/vms/${vmid}`, ['VM.PowerMgmt'])
  const archive = str(call, 'archive')
  const mayAllocate =
    world.access.has(user, `/vms/${vmid}`, 'VM.Allocate') ||
    (pool !== undefined && world.access.has(user, `/pool/${pool}`, 'VM.Allocate')) ||
    (archive !== undefined && mayRestore(call, vmid))
  if (!mayAllocate) throw forbidden()
  onlyRoot(call, 'skiplock')
  const settings = normalise(world, settingsOf(call))
  const about = { world, user, node, vmid, defaultStorage: storage }
  checkStorageAccess(about, settings)
  checkOptionPermissions(asked, vmid, Object.keys(settings))
  for (const [key, value] of Object.entries(settings)) checkDeviceValue(asked, vmid, key, value, 'set')
  checkBridges(call, Object.entries(settings))
  if (archive !== undefined) return restore(call, vmid, archive, settings)
  await writeStub(call, vmid)
  const task = world.tasks.start({ node, type: 'qmcreate', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    await fill(call, worker, { ...about, log: (line) => worker.log(line) }, { settings, pool })
    if (flag(call, 'start')) {
      worker.log('Execute autostart')
      await startGuest(world, node, vmid, worker)
    }
    if (flag(call, 'ha-managed')) manage(world, vmid, flag(call, 'start') ? 'started' : 'stopped', worker)
  })
  return task.upid
}

/** Rights on the pool a new VM goes into are as good as rights on the VM, which is not in it yet (PVE::RPCEnvironment check_vm_perm). */
function throughPool(call: Call, vmid: number, pool: string | undefined): Call {
  const { access } = call.world
  const check: Call['check'] = (path, privileges, any = false) => {
    const isEnough = (at: string): boolean =>
      any ? access.hasAny(call.user, at, privileges) : privileges.every((privilege) => access.has(call.user, at, privilege))
    if (pool === undefined || path !== `/vms/${vmid}` || !isEnough(`/pool/${pool}`)) call.check(path, privileges, any)
  }
  return { ...call, check }
}

/** `ha-managed=1`: what `ha-manager add` or `set` does at the end of the task. */
function manage(world: World, vmid: number, state: string, worker: Worker): void {
  const known = world.ha.resources.get(`vm:${vmid}`)
  worker.log(`${known ? 'Set' : 'Add'} HA resource with request-state '${state}'`)
  world.ha.resources.set(`vm:${vmid}`, { ...known, type: 'vm', state })
}

async function writeStub(call: Call, vmid: number): Promise<void> {
  const { world, node } = call
  let release: () => void
  try {
    release = await world.flocks.take(flockPath(vmid), flockMs)
  } catch (fault) {
    return refuse(`unable to create VM ${vmid} - ${fault instanceof Error ? fault.message : String(fault)}`)
  }
  try {
    const taken = world.guests.get(vmid)
    if (taken) refuse(`unable to create VM ${vmid} - ${taken.kind === 'lxc' ? 'CT' : 'VM'} ${vmid} already exists on node '${taken.node}'`)
    world.guests.set(vmid, new Guest(vmid, node, 'qemu', new Map([['lock', 'create']])))
  } finally {
    release()
  }
}

async function fill(
  call: Call,
  worker: Worker,
  about: Allocation,
  o: { settings: Record<string, string>; pool: string | undefined },
): Promise<void> {
  const { world } = call
  const { vmid } = about
  const release = await worker.lock(flockPath(vmid), flockMs)
  const guest = world.guests.get(vmid)
  if (!guest) refuse(`Configuration file 'nodes/${call.node}/qemu-server/${vmid}.conf' does not exist`)
  try {
    const drives = driveKeys.filter((key) => o.settings[key] !== undefined).map((key) => [key, o.settings[key] ?? ''] as const)
    const copy = (bytes: number) => worker.sleep((bytes / 1024 ** 3) * world.spec.durations.cloneFullMsPerGiB)
    const made = await createDisks({ ...about, copy }, { config: new Map(), pending: new Map() }, Object.fromEntries(drives))
    await worker.work(world.spec.durations.createMs)
    if (o.settings['tags'] !== undefined) {
      checkTags(call, vmid, '', o.settings['tags'])
      o.settings['tags'] = uniqueTags(world, o.settings['tags'])
    }
    const config: Section = new Map(Object.entries({ ...o.settings, ...made.result }).map(([key, value]) => [key, storedValue(key, value)]))
    complete(call, config)
    guest.config = config
    tidy(guest)
    regenerate(guest)
    if (o.pool !== undefined) world.access.pools.get(o.pool)?.vms.add(vmid)
    world.access.changed()
  } catch (fault) {
    world.guests.delete(vmid)
    const text = fault instanceof Error ? fault.message.trimEnd() : String(fault)
    throw new Error(`unable to create VM ${vmid} - ${text}`)
  }
  release()
}

/** What PVE adds to a new config: boot order, identity, meta. */
function complete(call: Call, config: Section): void {
  const { world } = call
  if (!config.has('boot')) {
    const order = bootDevices(config)
    config.set('boot', order.length > 0 ? `order=${order.join(';')}` : ' ')
  } else if (orderOf(config.get('boot')).length > 0) config.set('boot', `order=${orderOf(config.get('boot')).join(';')}`)
  config.set('vmgenid', config.get('vmgenid') ?? world.random.uuid())
  const smbios = config.get('smbios1')
  if (smbios === undefined || !smbios.includes('uuid='))
    config.set('smbios1', [`uuid=${world.random.uuid()}`, smbios].filter(Boolean).join(','))
  config.set('meta', `creation-qemu=10.0.2,ctime=${world.clock.seconds()}`)
}

/** The first disk, the first CD-ROM and the first NIC (get_default_bootdevices). */
function bootDevices(config: Section): string[] {
  const drives = driveKeys.filter((key) => config.has(key) && isDriveKey(key) && !/^(?:efidisk|tpmstate)/.test(key))
  const cdrom = (key: string) => isCdrom(parseDrive(key, config.get(key) ?? '') ?? {})
  const net = [...config.keys()].filter((key) => /^net\d+$/.test(key)).toSorted()[0]
  return [drives.find((key) => !cdrom(key)), drives.find(cdrom), net].filter((key) => key !== undefined)
}
