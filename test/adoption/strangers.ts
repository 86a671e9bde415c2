/** A world with guests that nobody of ours has made, and objects that would take them. */
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { parseNet } from '../../src/proxmox/net-string.ts'
import { aV4Pool, aV6Pool } from '../support/builders.ts'
import { TestWorld } from '../support/world.ts'

export interface Fleet {
  readonly world: TestWorld
  readonly v4: string
  readonly v6: string
}

/** The 50 strangers of the simulator, which the cluster object sets free to be taken; their networks are pools. */
export async function openFleet(o: { operator?: boolean; speed?: number } = {}): Promise<Fleet> {
  const world = await TestWorld.start({
    preset: 'fleet-of-strangers',
    speed: 20,
    ...o,
    limits: { adoption: { vmids: { from: 100, to: 999 } } },
  })
  return {
    world,
    v4: await world.pool(aV4Pool({ ranges: ['203.0.113.10-203.0.113.250'], clusterRefs: [{ name: world.cluster }] })),
    v6: await world.pool(aV6Pool({ ranges: ['2001:db8:a::10-2001:db8:a::ffff'], clusterRefs: [{ name: world.cluster }] })),
  }
}

export const guestAt = ({ world }: Fleet, vmid: number) => {
  const guest = world.simulator.world.guests.get(vmid)
  if (!guest) throw new Error(`PVE has no guest ${vmid}`)
  return guest
}

/** Of a guest, what a takeover may never change: all but description and tags. */
export function bodyOf(fleet: Fleet, vmid: number): object {
  const { description: _, tags: __, digest: ___, machine, ...rest } = Object.fromEntries(guestAt(fleet, vmid).config)
  // PVE itself notes it in the configuration of a Windows guest, with the first write to it.
  const isPinned = rest['ostype']?.startsWith('w') && machine?.startsWith('pc-')
  const config = { ...rest, ...(machine && !isPinned && { machine }) }
  const firewall = fleet.world.simulator.world.firewall.get(vmid)
  return { config, isRunning: guestAt(fleet, vmid).isRunning, firewall: firewall && structuredClone(firewall) }
}

/** Addresses of ours that the guest shows, each as an entry. */
export function entriesFor(fleet: Fleet, vmid: number): { name: string; poolRef: { name: string }; address: string }[] {
  const { config } = guestAt(fleet, vmid)
  const set = fleet.world.simulator.world.firewall.get(vmid)?.ipsets['ipfilter-net0']?.entries.map(({ cidr }) => cidr) ?? []
  const texts = [...(config.get('ipconfig0') ?? '').matchAll(/ip6?=([0-9a-f.:]+)/g)].flatMap(([, text]) => text ?? [])
  const own = [...new Set([...texts, ...set])].filter((text) => text.startsWith('203.0.113.') || text.startsWith('2001:db8:a:'))
  return own.map((address, index) => ({
    name: `a${index}`,
    poolRef: { name: address.includes(':') ? fleet.v6 : fleet.v4 },
    address,
  }))
}

/** A package that few of the strangers have, so that each differs from it. */
export const small = {
  cpu: { cores: 2 },
  memory: { size: '4Gi' },
  systemDisk: { size: '50Gi', bandwidth: { readMiBps: 100 } },
  network: { bridge: 'vmbr0', rateMbit: 200, firewall: true },
  firewall: { enabled: true, antiSpoofing: true, rules: [{ name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' }] },
}

export const macOf = (fleet: Fleet, vmid: number): string => parseNet(guestAt(fleet, vmid).config.get('net0') ?? '').macAddress ?? ''

export async function adopt(fleet: Fleet, vmid: number, spec: object = {}, more: object = {}): Promise<ProxmoxVM> {
  const addresses = entriesFor(fleet, vmid)
  return await fleet.world.apply(`s${vmid}`, {
    package: small,
    ...(addresses.length > 0 && { addresses }),
    adopt: { vmid, macAddress: macOf(fleet, vmid), mode: 'Take', ...more },
    deletionProtection: true,
    ...spec,
  })
}

/** Taken over, compared and Ready. */
export async function untilTaken({ world }: Fleet, vmid: number, seconds?: number): Promise<ProxmoxVM> {
  await world.untilCondition(`s${vmid}`, 'NetworkConfigured', 'True', undefined, seconds)
  return await world.untilReady(`s${vmid}`, seconds)
}
