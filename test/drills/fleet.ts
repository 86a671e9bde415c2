/** What must be true of a fleet after a disaster: the same VMs run, each has one owner and its address, and no guest is unknown. */
import { poolAddresses } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { parseMark } from '../../src/ladder/mark.ts'
import { configuredAddresses } from '../../src/cluster/guest-class.ts'
import { same } from '../support/crash.ts'
import { until } from '../support/until.ts'
import { cluster, type Scene } from './scene.ts'

/** So many VMs run when the disaster comes, and so many are ordered while it is dealt with. */
export const fleetSize = 16
export const orderCount = 4

/** A whole drill, the control planes and the births before it included. */
export const patienceMs = 600_000
/** From the disaster to the end of it. */
export const underFiveMinutes = 300_000

export const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

/** Orders a fleet and waits until it runs. */
export async function running(scene: Scene): Promise<string[]> {
  const fleet = names('vm', fleetSize)
  await Promise.all(fleet.map((name) => scene.order(name)))
  await scene.untilReady(fleet)
  return fleet
}

/** Customers do not wait for the end of a disaster. Resolves with the names once the last order is in. */
export async function ordersComeIn(scene: Scene, count = orderCount): Promise<string[]> {
  const orders = names('order', count)
  for (const name of orders) {
    await until(`${name} is taken`, () => scene.order(name).then(() => true), { seconds: 120, everyMs: 500 })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  return orders
}

/** What a customer would notice: by name of the VM. */
export type Lives = ReadonlyMap<string, Life>

interface Life {
  readonly vmid: number
  readonly node: string
  /** Of its QEMU process: uptime counts from there. */
  readonly sinceMs: number | undefined
  readonly net0: string | undefined
  readonly uuid: string | undefined
  readonly ipconfig0: string | undefined
  readonly address: string
}

export async function livesOf(scene: Scene, of: readonly string[]): Promise<Lives> {
  const all = new Map((await scene.vms()).map((vm) => [vm.metadata.name, vm]))
  return new Map(of.map((name) => [name, lifeOf(scene, all.get(name))]))
}

function lifeOf(scene: Scene, vm: ProxmoxVM | undefined): Life {
  const { vmid = 0, addresses } = vm?.status ?? {}
  const guest = scene.simulator.world.guests.get(vmid)
  if (!guest) throw new Error(`PVE has no VM of ${vm?.metadata.name} (VMID ${vmid})`)
  return {
    vmid,
    node: guest.node,
    sinceMs: guest.process?.sinceMs,
    net0: guest.config.get('net0'),
    uuid: guest.config.get('smbios1'),
    ipconfig0: guest.config.get('ipconfig0'),
    address: addresses?.[0]?.address ?? '',
  }
}

/** Throws unless every VM of `before` lives on, and every object has one guest, which is its own, with its address and nobody else's. */
export async function assertWhole(scene: Scene, before: Lives, orders: readonly string[]): Promise<void> {
  const after = await livesOf(scene, [...before.keys()])
  for (const [name, life] of before) same(name, after.get(name), life)
  const all = await scene.vms()
  same('objects', all.map(({ metadata }) => metadata.name).toSorted(), [...before.keys(), ...orders].toSorted())
  const owners = scene.guests().map(({ config, vmid }) => `${vmid} ${parseMark(config.get('description'))?.uid}`)
  same('owners', owners.toSorted(), all.map(({ metadata, status }) => `${status?.vmid} ${metadata.uid}`).toSorted())
  const shown = scene
    .guests()
    .flatMap(({ config, vmid }) => configuredAddresses(Object.fromEntries(config)).map((address) => `${address} ${vmid}`))
  same('addresses in PVE', shown.toSorted(), all.map(({ status }) => `${status?.addresses?.[0]?.address} ${status?.vmid}`).toSorted())
  const claims = (await scene.client.list(poolAddresses)).flatMap(({ spec }) =>
    spec.claimRef ? [`${spec.address} ${spec.claimRef.uid}`] : [],
  )
  same('claims', claims.toSorted(), all.map(({ metadata, status }) => `${status?.addresses?.[0]?.address} ${metadata.uid}`).toSorted())
  await until(`no guest of ${cluster} is unknown`, async () => (await scene.pveCluster())?.status?.unclaimedCount === 0, {
    seconds: 60,
    everyMs: 250,
  })
}
