/** Makes ProxmoxVMSnapshots in a test, and says what became of them. */
import { proxmoxVMSnapshots } from '../../src/api/meta.ts'
import type { ProxmoxVMSnapshot } from '../../src/api/proxmoxvmsnapshot.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'

/** Asks for a snapshot of the VM; its object as it was made. */
export async function ask(world: TestWorld, vm: string, spec: object = {}, name = freshName('snap')): Promise<ProxmoxVMSnapshot> {
  return await world.client.create(proxmoxVMSnapshots, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMSnapshot',
    metadata: { name, namespace: world.namespace },
    spec: { vmRef: { name: vm }, ...spec },
  } as never)
}

export const snapshotNamed = async (world: TestWorld, name: string) =>
  await world.client.get(proxmoxVMSnapshots, { namespace: world.namespace, name })

const readyOf = (snapshot: ProxmoxVMSnapshot | undefined) => snapshot?.status?.conditions?.find(({ type }) => type === 'Ready')

/** Waits until the snapshot says so: `True/SnapshotTaken`, `False/QuotaExceeded`. */
export async function untilSays(
  world: TestWorld,
  { metadata }: ProxmoxVMSnapshot,
  wanted: string,
  seconds = 60,
): Promise<ProxmoxVMSnapshot> {
  let last: ProxmoxVMSnapshot | undefined
  return await until(
    `${metadata.name} says ${wanted}`,
    async () => {
      last = await snapshotNamed(world, metadata.name)
      const ready = readyOf(last)
      return `${ready?.status}/${ready?.reason}` === wanted ? last : undefined
    },
    { seconds, describe: () => last?.status },
  )
}

export const taken = async (world: TestWorld, vm: string, spec: object = {}) =>
  await untilSays(world, await ask(world, vm, spec), 'True/SnapshotTaken')

export const saidOf = (snapshot: ProxmoxVMSnapshot) => readyOf(snapshot)?.message

export const deleteSnapshot = (world: TestWorld, { metadata }: ProxmoxVMSnapshot) =>
  world.client.delete(proxmoxVMSnapshots, { namespace: world.namespace, name: metadata.name })

export async function untilNoObject(world: TestWorld, { metadata }: ProxmoxVMSnapshot, seconds = 60): Promise<void> {
  let last: ProxmoxVMSnapshot | undefined
  await until(
    `the object ${metadata.name} is gone`,
    async () => {
      last = await snapshotNamed(world, metadata.name)
      return last === undefined
    },
    { seconds, describe: () => last },
  )
}

/** Names of the snapshots in PVE. */
export const inPve = (world: TestWorld, vm: ProxmoxVM): string[] => [...world.guestOf(vm).snapshots.keys()].toSorted()

/** How many tasks of that type PVE has had on the VM. */
export const tasksOf = (world: TestWorld, vm: ProxmoxVM, type: string): number =>
  world.simulator.world.tasks.onNode(vm.status?.node ?? '').filter((task) => task.type === type && task.id === `${vm.status?.vmid}`).length

/** An address of the VM's package: everything else as TestWorld has it. */
export const packageWith = (more: object) => ({
  package: { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' }, ...more },
})
