import { refuse } from '../http/refusal.ts'
import type { Call } from '../routes.ts'
import { loadGuest } from './find.ts'
import type { Guest } from './guest.ts'
import { nics } from './inside.ts'

/** How long PVE waits for a silent agent. */
const silentMs = 3000

/** The guest with an agent that answers, or PVE's three refusals in their order. */
export async function agentOf(call: Call): Promise<Guest> {
  const { world, node, vmid } = call
  const guest = loadGuest(world, node, vmid)
  if (!guest.config.has('agent')) refuse('No QEMU guest agent configured')
  if (!guest.process) refuse(`VM ${vmid} is not running`)
  const at = guest.process.agentAtMs
  if (at === undefined || at > world.clock.now() || guest.process.run !== 'running') {
    await world.clock.sleep(silentMs)
    refuse('QEMU guest agent is not running')
  }
  return guest
}

export async function ping(call: Call): Promise<unknown> {
  await agentOf(call)
  return { result: {} }
}

/** The NICs are those of the config; their addresses are what the guest took over when it booted. */
export async function interfaces(call: Call): Promise<unknown> {
  const guest = await agentOf(call)
  const lo = { 'ip-address-type': 'ipv4', 'ip-address': '127.0.0.1', prefix: 8 }
  const result: unknown[] = [{ name: 'lo', 'hardware-address': '00:00:00:00:00:00', 'ip-addresses': [lo] }]
  for (const [index, mac] of nics(guest.config)) {
    const addresses = (guest.process?.inside.addresses.get(mac) ?? []).map(({ type, address, prefix }) => ({
      'ip-address-type': type,
      'ip-address': address,
      prefix,
    }))
    result.push({ name: `eth${index}`, 'hardware-address': mac, 'ip-addresses': addresses })
  }
  return { result }
}

export async function hostName(call: Call): Promise<unknown> {
  const guest = await agentOf(call)
  return { result: { 'host-name': guest.process?.inside.hostname ?? 'localhost' } }
}

export async function osInfo(call: Call): Promise<unknown> {
  await agentOf(call)
  return {
    result: {
      id: 'debian',
      name: 'Debian GNU/Linux',
      'pretty-name': 'Debian GNU/Linux 13 (trixie)',
      version: '13 (trixie)',
      'version-id': '13',
      machine: 'x86_64',
    },
  }
}

/** guest-shutdown through the agent. */
export async function agentShutdown(call: Call): Promise<unknown> {
  const guest = await agentOf(call)
  call.world.clock.after(call.world.spec.durations.shutdownMs, () => {
    guest.process = undefined
  })
  return { result: null }
}
