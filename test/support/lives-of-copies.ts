import { proxmoxVMBackups, proxmoxVMCommands, proxmoxVMSnapshots } from '../../src/api/meta.ts'
import type { KubeObject } from '../../src/api/object.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { Lane } from './crash.ts'
import { freshName } from './kube.ts'
import { born, isReady, type Life, vmName, wrongWith } from './lives.ts'
import { guestsOf, holders } from './portrait.ts'
import { until } from './until.ts'

type Asked = KubeObject & {
  spec: { vmRef: { name: string } }
  status?: { finishedAt?: string; phase?: string; conditions?: { type: string; status: string }[] }
}
const kinds = { ProxmoxVMSnapshot: proxmoxVMSnapshots, ProxmoxVMBackup: proxmoxVMBackups, ProxmoxVMCommand: proxmoxVMCommands } as const
type Kind = keyof typeof kinds

const make =
  (kind: Kind, spec: object = {}) =>
  async ({ world }: Lane): Promise<Asked> =>
    (await world.client.create(
      kinds[kind] as never,
      {
        apiVersion: 'pve.hosting/v1alpha1',
        kind,
        metadata: { name: freshName(kind.toLowerCase()), namespace: world.namespace },
        spec: { vmRef: { name: vmName }, ...spec },
      } as never,
    )) as Asked

/** The newest of the VM. */
async function last(lane: Lane, kind: Kind): Promise<Asked | undefined> {
  const { client, namespace } = lane.world
  const all = (await client.list(kinds[kind] as never, { namespace })) as Asked[]
  const ofVm = all.filter(({ spec }) => spec.vmRef.name === vmName)
  return ofVm.toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion)).at(-1)
}
const says = (object: Asked | undefined, type: string): boolean =>
  object?.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true

async function made(lane: Lane, kind: Kind, spec: object = {}): Promise<Asked> {
  await make(kind, spec)(lane)
  return await until(`the ${kind} is made`, async () => {
    const object = await last(lane, kind)
    return says(object, 'Ready') ? object : undefined
  })
}

/** It ended well, or a person is told; the VM goes on. */
const isOverFor =
  (kind: Kind): Life['isOver'] =>
  async (vm, lane) => {
    const object = await last(lane, kind)
    return isReady(vm) && (says(object, 'Ready') || says(object, 'Stalled'))
  }

/** One VM with its two addresses, and so many things in PVE: none or one where it failed, one where it ended well. */
const oneOf =
  (kind: Kind, count: (lane: Lane, vm: ProxmoxVM) => number): Life['rest'] =>
  async (_, lane) => {
    const vm = await lane.world.vm(vmName)
    if (!vm) return ['the object of the VM is gone']
    const there = count(lane, vm)
    const isMade = says(await last(lane, kind), 'Ready')
    return [
      ...(there > 1 || (isMade && there !== 1) ? [`${there} in PVE, and the ${kind} is ${isMade ? 'made' : 'not made'}`] : []),
      ...(await oneVM(lane, vm)),
    ]
  }

async function oneVM({ world, pools }: Lane, vm: ProxmoxVM): Promise<string[]> {
  const guests = guestsOf(world, vm).map(({ vmid }) => vmid)
  const held = await holders(world, pools)
  return [
    ...(guests.length === 1 && world.guests().length === 1 ? [] : [`VMs with its mark: ${guests.join()}; all: ${world.guests().length}`]),
    ...(held.length === 2 && held.every((line) => line.endsWith(` ${vm.metadata.uid}`)) ? [] : [`addresses are held: ${held.join(', ')}`]),
  ]
}

const snapshotsIn = ({ world }: Lane, vm: ProxmoxVM) => world.guestOf(vm).snapshots.size
const filesIn = ({ world }: Lane, { status }: ProxmoxVM) =>
  world.simulator.world.storage.ownedBy(status?.vmid ?? 0).filter(({ content }) => content === 'backup').length

/** What people made of the VM; the next life begins without. */
async function clear({ world }: Lane): Promise<void> {
  const { client, namespace } = world
  for (const kind of ['ProxmoxVMSnapshot', 'ProxmoxVMBackup'] as const)
    for (const { metadata } of (await client.list(kinds[kind] as never, { namespace })) as Asked[])
      await client.delete(kinds[kind] as never, { namespace, name: metadata.name }).catch(() => undefined)
}

/** Snapshots, backups, and the two ways back. */
export const copyLives: readonly Life[] = [
  {
    name: 'snapshot',
    before: born,
    act: make('ProxmoxVMSnapshot'),
    isOver: isOverFor('ProxmoxVMSnapshot'),
    rest: oneOf('ProxmoxVMSnapshot', snapshotsIn),
    after: clear,
  },
  {
    name: 'rollback',
    before: async (lane) => {
      await born(lane)
      await made(lane, 'ProxmoxVMSnapshot')
    },
    act: async (lane) => {
      const snapshot = await last(lane, 'ProxmoxVMSnapshot')
      return await make('ProxmoxVMCommand', { command: 'Rollback', snapshotRef: { name: snapshot?.metadata.name } })(lane)
    },
    isOver: async (vm, lane) => isReady(vm) && (await last(lane, 'ProxmoxVMCommand'))?.status?.finishedAt !== undefined,
    rest: async (life, lane, undisturbed) => {
      if ((await last(lane, 'ProxmoxVMCommand'))?.status?.phase === 'Succeeded')
        // The name of each snapshot is its own.
        return (await wrongWith({ ...life, rest: undefined }, lane, undisturbed)).filter((line) => !/^(has|lacks) parent: op-/.test(line))
      const vm = await lane.world.vm(vmName)
      return vm ? await oneVM(lane, vm) : ['the object of the VM is gone']
    },
    after: clear,
  },
  {
    name: 'backup',
    before: born,
    act: make('ProxmoxVMBackup', { storage: 'local' }),
    isOver: isOverFor('ProxmoxVMBackup'),
    rest: oneOf('ProxmoxVMBackup', filesIn),
    after: clear,
  },
  {
    name: 'restore',
    before: async (lane) => {
      await born(lane)
      await made(lane, 'ProxmoxVMBackup', { storage: 'local' })
      const vm = await lane.world.vm(vmName)
      if (!vm) throw new Error('no VM')
      await lane.world.inPve('POST', `${lane.world.pathOf(vm)}/status/stop`)
      await until('it is seen off', async () => (await lane.world.vm(vmName))?.status?.remoteStatus === 'stopped')
    },
    act: async (lane) => {
      const backup = await last(lane, 'ProxmoxVMBackup')
      await lane.world.edit(vmName, { spec: { restore: { requestID: 'back', backupRef: { name: backup?.metadata.name } } } })
    },
    isOver: async (vm, lane) => {
      // A node that was off has started its guests, and a restore deletes the disks of none that runs: a person does as the message says.
      const isTold = vm !== undefined && lane.world.condition(vm, 'Stalled')?.reason === 'VMRunning'
      if (isTold && lane.world.guestOf(vm).isRunning) await lane.world.inPve('POST', `${lane.world.pathOf(vm)}/status/stop`)
      return isReady(vm) && vm?.status?.restore?.completedIDs.includes('back') === true
    },
    after: clear,
  },
]
