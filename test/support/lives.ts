import { coreEvents, proxmoxClusters } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { whmcs5546 } from './builders.ts'
import type { Lane } from './crash.ts'
import type { TestWorld } from './world.ts'
import { clonesOf, difference, guestsOf, holders, portrait } from './portrait.ts'

/** A stretch of a VM's life that a walk disturbs. */
export interface Life {
  readonly name: string
  /** Brings the VM `shop` to where the stretch begins; absent: there is none. */
  readonly before?: (lane: Lane) => Promise<unknown>
  readonly act: (lane: Lane) => Promise<unknown>
  /** It has come to its end, as the object says. */
  readonly isOver: (vm: ProxmoxVM | undefined, lane: Lane) => boolean | Promise<boolean>
  /** What is wrong with the world then; absent: as wrongWith says. */
  readonly rest?: ((life: Life, lane: Lane, undisturbed: readonly string[]) => Promise<string[]>) | undefined
  /** Clears away what it leaves behind on purpose. */
  readonly after?: (lane: Lane) => Promise<void>
  /** Nothing of the VM is left then. */
  readonly ends?: boolean
}

export const vmName = 'shop'
const declare =
  (o: object = {}) =>
  (lane: Lane) => {
    const [v4, v6] = lane.pools
    return lane.world.apply(vmName, { ...whmcs5546({ v4, v6, packageName: lane.packageName }), ...o })
  }
export const born = async (lane: Lane): Promise<void> => {
  await declare()(lane)
  await lane.world.untilReady(vmName, 90)
}
const edit = (spec: object) => (lane: Lane) => lane.world.edit(vmName, { spec })
const condition = (vm: ProxmoxVM | undefined, type: string) => vm?.status?.conditions?.find((each) => each.type === type)?.status
export const isReady = (vm: ProxmoxVM | undefined): boolean =>
  condition(vm, 'Ready') === 'True' && vm?.status?.observedGeneration === vm?.metadata.generation && !vm?.status?.step
const otherThan = (address = '') => address.replace(/\d+$/, (last) => String(Number(last) + 5))
const suspended = { suspensions: [{ by: 'abuse', reason: 'spam' }] }

/** Somebody ends every clone under way on pve1, and clears away what it left. */
function endClones({ simulator: { world } }: TestWorld): void {
  for (const { type, endtime, upid } of world.tasks.onNode('pve1')) if (type === 'qmclone' && endtime === undefined) world.tasks.kill(upid)
  for (const guest of [...world.guests.values()].filter(({ lock }) => lock === 'clone')) {
    world.guests.delete(guest.vmid)
    for (const volume of world.storage.ownedBy(guest.vmid)) world.storage.remove(volume)
  }
}

const limitClones = ({ world }: Lane, fullClonesPerNode: number) =>
  world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { limits: { fullClonesPerNode } } })

/** Later issues add theirs. */
export const lives: readonly Life[] = [
  { name: 'birth, full clone', act: declare(), isOver: isReady },
  { name: 'birth, linked clone', act: declare({ template: { name: 'debian-13', clone: 'Linked' } }), isOver: isReady },
  {
    name: 'birth that had queued for over a minute',
    before: async (lane) => {
      const { world } = lane
      await limitClones(lane, 1)
      // It has the only slot of the node.
      world.simulator.faults.add([{ id: 'slow clone', route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { extraMs: 3_600_000 } }], [])
      await world.apply('first', { placement: { node: 'pve1' }, template: { name: 'debian-13', clone: 'Full' } })
      await world.untilCondition('first', 'Ready', 'False', 'TaskRunning')
      await declare({ placement: { node: 'pve1' } })(lane)
      await world.untilCondition(vmName, 'Ready', 'False', 'Queued')
      world.skip(70_000)
    },
    act: async ({ world }) => {
      await world.delete('first')
      endClones(world)
    },
    isOver: async (vm, { world }) => isReady(vm) && (await world.vm('first')) === undefined,
    after: async (lane) => {
      lane.world.simulator.faults.remove('slow clone')
      await limitClones(lane, 4)
    },
  },
  {
    name: 'change of package, live',
    before: born,
    act: edit({ package: { additionalDisks: [{ name: 'logs', size: '8Gi', storage: 'ceph' }], systemDisk: { size: '50Gi' } } }),
    isOver: isReady,
  },
  {
    name: 'change of package, cold',
    before: born,
    act: edit({ package: { cpu: { cores: 4 }, memory: { size: '16Gi' } } }),
    isOver: isReady,
  },
  {
    name: 'change of address',
    before: async (lane) => {
      await born(lane)
      // Longer than clocks may differ.
      lane.world.skip(40_000)
    },
    act: async (lane) => {
      const vm = await lane.world.vm(vmName)
      const [first, ...others] = vm?.spec.addresses ?? []
      await edit({ addresses: [{ ...first, address: otherThan(vm?.status?.addresses?.[0]?.address) }, ...others] })(lane)
    },
    isOver: (vm) =>
      isReady(vm) && (vm?.status?.addresses ?? []).every(({ state }) => !state) && condition(vm, 'RestartRequired') === 'False',
  },
  { name: 'suspension', before: born, act: edit(suspended), isOver: (vm) => isReady(vm) && condition(vm, 'Suspended') === 'True' },
  {
    name: 'end of a suspension',
    before: async (lane) => {
      await born(lane)
      await edit(suspended)(lane)
      await lane.world.untilCondition(vmName, 'Suspended', 'True')
      await lane.world.untilReady(vmName)
    },
    act: edit({ suspensions: [] }),
    isOver: (vm) => isReady(vm) && condition(vm, 'Suspended') === 'False',
  },
  { name: 'another host name', before: born, act: edit({ hostname: 'shop-2' }), isOver: isReady },
  {
    name: 'reinstall',
    before: born,
    act: edit({ reinstall: { requestID: 'again' } }),
    isOver: (vm) => isReady(vm) && vm?.status?.reinstall?.completedIDs.includes('again') === true,
  },
  {
    name: 'termination with a snapshot and a backup',
    before: async (lane) => {
      await born(lane)
      const vm = await lane.world.vm(vmName)
      if (!vm) throw new Error('no VM')
      await lane.world.inPve('POST', `${lane.world.pathOf(vm)}/snapshot`, { snapname: 'before' })
      lane.world.addBackup(vm.status?.vmid ?? 0, lane.world.simulator.world.clock.now())
    },
    act: (lane) => lane.world.delete(vmName),
    isOver: (vm) => vm === undefined,
    ends: true,
  },
]

/** PVE deletes a VM whose storage is off and leaves its disks there; the Event TaskWarnings names them, and an admin removes them. */
async function untoldVolumes({ simulator, client, namespace }: TestWorld): Promise<string[]> {
  const { storage } = simulator.world
  const events = await client.list(coreEvents, { namespace })
  const told = events.flatMap(({ reason, note = '' }) => (reason === 'TaskWarnings' ? [note] : [])).join()
  const left = [...storage.all()].filter((volume) => (volume.vmid ?? 0) >= 10_000)
  for (const volume of left) if (told.includes(volume.name)) storage.remove(volume)
  return left.flatMap(({ name }) => (told.includes(name) ? [] : [name]))
}

/** What is wrong with the world once the life is over: two VMs of one object, an address too many or too few, another VM than undisturbed. */
export async function wrongWith(life: Life, lane: Lane, undisturbed: readonly string[]): Promise<string[]> {
  if (life.rest) return await life.rest(life, lane, undisturbed)
  const { world, pools } = lane
  const vm = await world.vm(vmName)
  const held = (await holders(world, pools)).map((line) => line.split(' ')[1])
  const guests = world.guests().map((guest) => guest.vmid)
  if (life.ends || !vm) {
    const untold = await untoldVolumes(world)
    return [
      ...guests.map((vmid) => `VM ${vmid} is left`),
      ...held.map((uid) => `an address is held by ${uid}`),
      ...untold.map((name) => `volume ${name} is left, and nobody was told`),
    ]
  }
  const { vmid = 0 } = vm.status ?? {}
  const made = guestsOf(world, vm).map((guest) => guest.vmid)
  const clones = clonesOf(world, vmid) - (vm.status?.reinstall?.completedIDs.includes('again') ? 1 : 0)
  return [
    ...(made.length === 1 && made[0] === vmid && guests.length === 1
      ? []
      : [`VMs with its mark: ${made.join()}; all: ${guests.join()}; its own: ${vmid}`]),
    // None at all: PVE said of a whole clone that it had failed.
    ...(clones <= 1 ? [] : [`${clones} clones succeeded`]),
    ...(held.length === 2 && held.every((uid) => uid === vm.metadata.uid) ? [] : [`addresses are held by ${held.join()}`]),
    ...difference(portrait(world, vm), undisturbed),
  ]
}
