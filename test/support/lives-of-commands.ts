import { poolAddresses, proxmoxVMCommands, secrets } from '../../src/api/meta.ts'
import type { CommandName } from '../../src/api/proxmoxvmcommand.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { Lane } from './crash.ts'
import { freshName } from './kube.ts'
import { born, isReady, type Life, vmName, wrongWith } from './lives.ts'
import { clonesOf, guestsOf, holders } from './portrait.ts'
import { until } from './until.ts'

const press =
  (command: CommandName) =>
  async ({ world }: Lane) =>
    await world.client.create(proxmoxVMCommands, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVMCommand',
      metadata: { name: freshName(command.toLowerCase()), namespace: world.namespace },
      spec: { vmRef: { name: vmName }, command },
    } as never)

/** The commands of this VM, the last one last. */
async function pressed({ world }: Lane) {
  const all = await world.client.list(proxmoxVMCommands, { namespace: world.namespace })
  return all.filter(({ spec }) => spec.vmRef.name === vmName).toSorted((a, b) => numberOf(a.metadata) - numberOf(b.metadata))
}
const numberOf = ({ resourceVersion }: { resourceVersion?: string }) => Number(resourceVersion)

const isPressed = async (lane: Lane, command: CommandName): Promise<boolean> =>
  (await pressed(lane)).some(({ spec, status }) => spec.command === command && status?.finishedAt !== undefined)

async function off(lane: Lane): Promise<void> {
  await born(lane)
  await press('Stop')(lane)
  await until('the VM was stopped', async () => await isPressed(lane, 'Stop'))
  await lane.world.untilReady(vmName)
}

async function removed(lane: Lane): Promise<void> {
  await off(lane)
  await press('Remove')(lane)
  await until('the VM is removed', async () => isRemoved(await lane.world.vm(vmName)))
}
const isRemoved = (vm: ProxmoxVM | undefined): boolean => vm?.status?.phase === 'Removed'

/** A command may fail of what struck it; then the VM is one VM with its addresses all the same, and it is as before or as asked for. */
async function oneVM(life: Life, lane: Lane, undisturbed: readonly string[]): Promise<string[]> {
  const [last] = (await pressed(lane)).slice(-1)
  if (last?.status?.phase === 'Succeeded') return await wrongWith({ ...life, rest: undefined }, lane, undisturbed)
  const vm = await lane.world.vm(vmName)
  const made = vm ? guestsOf(lane.world, vm) : []
  return made.length === 1 ? await addressesHeld(lane, vm) : [`${made.length} VMs with its mark`]
}

async function addressesHeld({ world, pools }: Lane, vm: ProxmoxVM | undefined): Promise<string[]> {
  const held = await holders(world, pools)
  return held.length === 2 && held.every((line) => line.endsWith(` ${vm?.metadata.uid}`)) ? [] : [`addresses are held: ${held.join(', ')}`]
}

const button = (command: CommandName, before: Life['before']): Life => ({
  name: `command ${command}`,
  ...(before && { before }),
  act: press(command),
  isOver: async (vm, lane) => isReady(vm) && (await isPressed(lane, command)),
  rest: oneVM,
})

/** Stretches that begin with a button, and the two other ways to let a VM go. */
export const commandLives: readonly Life[] = [
  button('Start', off),
  button('Stop', born),
  button('Shutdown', born),
  button('Reboot', born),
  button('ChangePackage', born),
  button('SetFirewall', born),
  {
    name: 'command Remove',
    before: off,
    act: press('Remove'),
    isOver: async (vm, lane) => (isRemoved(vm) || isReady(vm)) && (await isPressed(lane, 'Remove')),
    async rest(_, lane) {
      const vm = await lane.world.vm(vmName)
      // One that was refused leaves the VM.
      const left = isRemoved(vm) ? lane.world.guests().map(({ vmid }) => `VM ${vmid} is left`) : []
      return [...left, ...(await addressesHeld(lane, vm))]
    },
  },
  {
    name: 'command Clone after Remove',
    before: removed,
    act: press('Clone'),
    isOver: async (vm, lane) => (isRemoved(vm) || isReady(vm)) && (await isPressed(lane, 'Clone')),
    async rest(_, lane) {
      const vm = await lane.world.vm(vmName)
      const { vmid = 0 } = vm?.status ?? {}
      const guests = lane.world.guests().map((guest) => guest.vmid)
      const expected = isRemoved(vm) ? [] : [vmid]
      return [
        ...(guests.join() === expected.join() ? [] : [`VMs ${guests.join()} instead of ${expected.join()}`]),
        ...(clonesOf(lane.world, vmid) <= 2 ? [] : ['it was cloned twice']),
        ...(await addressesHeld(lane, vm)),
      ]
    },
  },
  {
    name: 'orphaning',
    async before(lane) {
      await born(lane)
      await lane.world.edit(vmName, { spec: { deletionPolicy: 'Orphan' } })
      await lane.world.untilReady(vmName)
    },
    act: ({ world }) => world.delete(vmName),
    isOver: (vm) => vm === undefined,
    async rest(_, { world, pools }) {
      const guests = world.guests()
      const held = await holders(world, pools)
      return [
        ...(guests.length === 1 && guests[0]?.isRunning ? [] : [`guests: ${guests.map(({ vmid }) => vmid).join()}`]),
        ...(held.length === 2 ? [] : [`addresses are held: ${held.join(', ')}`]),
      ]
    },
    async after({ world, pools }) {
      // Kubernetes' garbage collector, which does not run here, deletes it with its owner.
      await world.client.delete(secrets, { namespace: world.namespace, name: `${vmName}-credentials` }).catch(() => undefined)
      for (const { vmid } of world.guests()) world.simulator.world.guests.delete(vmid)
      for (const { metadata, spec } of await world.client.list(poolAddresses))
        if (pools.includes(spec.poolRef.name) && spec.claimRef) await world.client.delete(poolAddresses, { name: metadata.name })
      await until('no address is held', async () => (await holders(world, pools)).length === 0)
    },
  },
]
