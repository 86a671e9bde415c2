/** What tests of traffic have in common: VMs that send and receive, and what is said of it. */
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'

export const GB = 1_000_000_000

export const traffic = (fields: object) => ({
  package: { cpu: { cores: 1 }, memory: { size: '1Gi' }, network: { bridge: 'vmbr0' }, traffic: fields },
})

/** The guest receives and sends so many bytes, and PVE's next broadcast tells it. */
export function transfer(world: TestWorld, vm: ProxmoxVM, receivedBytes: number, sentBytes: number): void {
  const { process } = world.guestOf(vm)
  if (!process) throw new Error(`${vm.metadata.name} is off`)
  process.netIn += receivedBytes
  process.netOut += sentBytes
  world.simulator.world.publishAll()
}

type Usage = NonNullable<NonNullable<ProxmoxVM['status']>['usage']>

/** What the operator has in memory of a VM, once it is `receivedBytes`; no record needs to have been written. */
export async function untilMetered(world: TestWorld, vm: ProxmoxVM, receivedBytes: number): Promise<Usage> {
  const metered = () => world.operator?.operator.usage.meters.due(vm, true)
  return await until(
    `${receivedBytes} bytes are counted`,
    () => {
      const now = metered()
      if (now?.receivedBytes === receivedBytes) return now
      world.skip(2_500)
      return undefined
    },
    { everyMs: 100, describe: metered },
  )
}

/** The VM once its record says what `is` asks. Listings are made to come at once, as time passes. */
export async function untilUsage(world: TestWorld, name: string, what: string, is: (usage: Usage) => boolean): Promise<ProxmoxVM> {
  let last: ProxmoxVM | undefined
  return await until(
    `the traffic of ${name} is ${what}`,
    async () => {
      last = await world.vm(name)
      if (last?.status?.usage && is(last.status.usage)) return last
      world.skip(2_500)
      return undefined
    },
    { everyMs: 150, describe: () => last?.status },
  )
}
