// A VM that says Ready, compared with what PVE has: its spec is the measure, not the operator's own words.
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import type { FirewallFile } from '../../../src/simulator/firewall/file.ts'
import type { Guest } from '../../../src/simulator/guests/guest.ts'
import type { Scene } from '../scene.ts'
import { uidOf } from './guests.ts'

/** What differs between the spec and PVE, as phrases; what waits for the next start counts as done. */
export function untruthsOf({ world }: Scene, vm: ProxmoxVM): string[] {
  const { vmid = 0 } = vm.status ?? {}
  const guest = world.simulator.world.guests.get(vmid)
  if (!guest) return [`there is no VMID ${vmid}`]
  if (uidOf(guest) !== vm.metadata.uid) return [`VMID ${vmid} has another mark`]
  const valueOf = (key: string): string => guest.pending.get(key) ?? guest.config.get(key) ?? ''
  return [...ofMachine(vm, guest, valueOf), ...ofNetwork(vm, valueOf, world.simulator.world.firewall.get(vmid))]
}

function ofMachine({ spec, status }: ProxmoxVM, guest: Guest, valueOf: (key: string) => string): string[] {
  const { cpu, systemDisk, additionalDisks = [] } = spec.package ?? {}
  const isSuspended = (spec.suspensions ?? []).length > 0
  const told: string[] = []
  const expect = (what: string, has: unknown, wanted: unknown): void => {
    if (String(has) !== String(wanted)) told.push(`${what} ${String(has)} instead of ${String(wanted)}`)
  }
  expect('cores', valueOf('cores'), cpu?.cores)
  if (cpu?.units !== undefined) expect('cpuunits', valueOf('cpuunits'), cpu.units)
  expect('memory', valueOf('memory').replace(/.*current=/, ''), 1024)
  expect('onboot', valueOf('onboot') || '0', isSuspended ? '0' : '1')
  if (spec.cloudInit?.user) expect('ciuser', valueOf('ciuser'), spec.cloudInit.user)
  if (spec.hostname) expect('name', valueOf('name'), spec.hostname)
  const wantedGiB = Number.parseInt(String(systemDisk?.size ?? 0), 10)
  const hasGiB = gibOf(guest.config.get('scsi0') ?? '')
  if (hasGiB < wantedGiB) told.push(`system disk ${hasGiB} GiB instead of ${wantedGiB}`)
  for (const { name } of additionalDisks) {
    const { key = '' } = status?.disks?.find((disk) => disk.name === name) ?? {}
    if (!guest.config.has(key)) told.push(`no disk ${name}`)
  }
  if (isSuspended && guest.isRunning) told.push('it is suspended and runs')
  if (!isSuspended && spec.runStrategy === 'Always' && !guest.isRunning) told.push('it is off under runStrategy Always')
  return told
}

const gibOf = (drive: string): number => {
  const [, amount = '0', unit = 'G'] = /size=(\d+)([MGT])/.exec(drive) ?? []
  return Number(amount) * ({ M: 1 / 1024, G: 1, T: 1024 }[unit] ?? 1)
}

function ofNetwork({ spec, status }: ProxmoxVM, valueOf: (key: string) => string, file: FirewallFile | undefined): string[] {
  const told: string[] = []
  const inForce = (status?.addresses ?? []).filter(({ state }) => !state)
  for (const { name } of spec.addresses ?? []) if (!inForce.some((one) => one.name === name)) told.push(`no address for the entry ${name}`)
  const [first] = inForce
  const { macAddress = '' } = status?.interfaces?.[0] ?? {}
  if (!valueOf('net0').toUpperCase().includes(macAddress)) told.push(`net0 without ${macAddress}: ${valueOf('net0')}`)
  if (!/\bbridge=vmbr0\b/.test(valueOf('net0')) || !/\bfirewall=1\b/.test(valueOf('net0'))) told.push(`net0 is ${valueOf('net0')}`)
  if (first && !valueOf('ipconfig0').includes(`ip=${first.address}/`))
    told.push(`ipconfig0 ${valueOf('ipconfig0')} without ${first.address}`)
  if (Number(file?.options['enable'] ?? 0) !== 1) told.push('its firewall is off')
  if (!file?.rules.some(({ macro }) => macro === 'SSH')) told.push('it lacks the firewall rule ssh')
  const allowed = file?.ipsets['ipfilter-net0']?.entries.map(({ cidr }) => cidr.replace('/32', '')) ?? []
  const wanted = (status?.addresses ?? []).map(({ address }) => address)
  for (const address of wanted) if (!allowed.includes(address)) told.push(`${address} is not in ipfilter-net0`)
  for (const address of allowed) if (!wanted.includes(address)) told.push(`${address} is in ipfilter-net0 and not its own`)
  return told
}
