import { poolAddresses } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { TestWorld } from './world.ts'

/** What two births of one manifest cannot have in common. */
const ofOneLife = new Set(['description', 'meta', 'smbios1', 'vmgenid', 'digest', 'name', 'cipassword', 'ipconfig0'])

/** A guest as PVE has it, without what differs from life to life: so two ways to the same VM can be compared, line by line. */
export function portrait(world: TestWorld, vm: ProxmoxVM): string[] {
  const { vmid = 0, interfaces, addresses } = vm.status ?? {}
  const guest = world.simulator.world.guests.get(vmid)
  const file = world.simulator.world.firewall.get(vmid)
  const lines = [
    ...[...(guest?.config ?? [])].filter(([key]) => !ofOneLife.has(key)).map(([key, value]) => `${key}: ${value}`),
    ...[...(guest?.pending ?? [])].map(([key, value]) => `pending ${key}: ${value}`),
    `running ${guest?.isRunning}, volumes ${world.simulator.world.storage.ownedBy(vmid).length}`,
    ...Object.entries(file?.ipsets ?? {}).flatMap(([name, set]) => set.entries.map(({ cidr }) => `${name}: ${cidr}`)),
    ...(file?.rules ?? []).map((rule, pos) => `rule ${pos}: ${JSON.stringify(rule)}`),
    `options ${JSON.stringify(file?.options)}`,
  ]
  const words = [
    [String(vmid), 'VMID'],
    [interfaces?.[0]?.macAddress ?? '', 'MAC'],
    ...(addresses ?? []).map((held) => [held.address, held.name] as const),
  ]
  return lines.map((line) => words.reduce((all, [what, by]) => (what ? all.replaceAll(what, by ?? '') : all), line)).toSorted()
}

/** Lines that only one of them has, with the side. */
export const difference = (seen: readonly string[], wanted: readonly string[]): string[] => [
  ...seen.filter((line) => !wanted.includes(line)).map((line) => `has ${line}`),
  ...wanted.filter((line) => !seen.includes(line)).map((line) => `lacks ${line}`),
]

/** Tasks of that type that ended well and name the VMID, on any node. */
export function clonesOf(world: TestWorld, vmid: number): number {
  const tasks = [...world.simulator.world.nodes.keys()].flatMap((node) => world.simulator.world.tasks.onNode(node))
  return tasks.filter(
    (task) => task.type === 'qmclone' && task.exitstatus === 'OK' && task.log.some((line) => line.endsWith(` with ID ${vmid}`)),
  ).length
}

/** Guests that carry the mark of the object, whatever their VMID. */
export const guestsOf = (world: TestWorld, vm: ProxmoxVM) =>
  world.guests().filter((guest) => guest.config.get('description')?.includes(`uid=${vm.metadata.uid}`))

/** Every address that is held in the pools, as `ADDRESS uid`. */
export async function holders(world: TestWorld, pools: readonly string[]): Promise<string[]> {
  const all = await world.client.list(poolAddresses)
  return all
    .filter(({ spec }) => pools.includes(spec.poolRef.name) && spec.claimRef)
    .map(({ spec }) => `${spec.address} ${spec.claimRef?.uid}`)
    .toSorted()
}
