// The id of a resource: `vm:100`, or the bare VMID.
import { refuse } from '../http/refusal.ts'
import type { World } from '../world/world.ts'

/** PVE::HA::Config parse_sid. */
export function parseSid(world: World, text: string): { sid: string; type: string; vmid: number } {
  if (/^\d+$/.test(text)) {
    const guest = world.guests.get(Number(text))
    if (!guest) refuse(`unable to detect SID from VMID - VM/CT ${text} does not exist`)
    const type = guest.kind === 'lxc' ? 'ct' : 'vm'
    return { sid: `${type}:${text}`, type, vmid: guest.vmid }
  }
  const match = /^(\S+):(\S+)$/.exec(text)
  if (!match) refuse(`unable to parse service id '${text}'`)
  return { sid: text, type: match[1] ?? '', vmid: Number(match[2]) }
}

/** What every order but `disabled` gets while the service is in error (PVE::API2::HA::Resources check_service_state). */
export function invalidMove(sid: string): string {
  return `service '${sid}' in error state, must be disabled and fixed first`
}
