import type { CommandName } from './api/proxmoxvmcommand.ts'
import type { Ladder, Step } from './ladder/step.ts'
import { setAdditionalDiskBandwidth, setAdditionalDiskSize, setCreatedAdditionalDisk } from './steps/additional-disk.ts'
import { identity, onboot } from './steps/identity.ts'
import { power, powerOff, stopForChange } from './steps/power.ts'
import { setCloudInit } from './steps/set-cloudinit.ts'
import { setCpuRam } from './steps/set-cpu-ram.ts'
import { setFirewall } from './steps/set-firewall.ts'
import { setNetwork } from './steps/set-network.ts'
import { keepDiskSizes, setSystemDiskBandwidth, setSystemDiskSize } from './steps/system-disk.ts'

/**
 * Start reading here. The ladder a VM climbs once it exists, in the order of the manual. Before it stand the two rungs that make it exist:
 * `creation` (engine/create/intent.ts: addresses, VMID, names, MAC) and `clone` (engine/create/clone.ts); after it, in the end, engine/remove/teardown.ts.
 * An edit of a ready VM climbs the same ladder: what is satisfied is passed over.
 */
export const provision: Ladder = [
  identity,
  setCpuRam,
  setSystemDiskSize,
  setSystemDiskBandwidth,
  setCreatedAdditionalDisk,
  setAdditionalDiskSize,
  keepDiskSizes,
  setAdditionalDiskBandwidth,
  setNetwork,
  setFirewall,
  setCloudInit,
  stopForChange,
  power,
]

/** A suspended VM is off, and stays off when its node restarts, whatever else is wrong with its object. */
export const suspend: Ladder = [powerOff, onboot]

/** The rung a button of the manual brings to the package by itself (ProxmoxVMCommand SetCPURAM and so on). */
const rungButtons: Readonly<Partial<Record<CommandName, Step>>> = {
  SetCPURAM: setCpuRam,
  SetSystemDiskSize: setSystemDiskSize,
  SetSystemDiskBandwidth: setSystemDiskBandwidth,
  SetCreatedAdditionalDisk: setCreatedAdditionalDisk,
  SetAdditionalDiskSize: setAdditionalDiskSize,
  SetAdditionalDiskBandwidth: setAdditionalDiskBandwidth,
  SetNetwork: setNetwork,
  SetFirewall: setFirewall,
  SetCloudInit: setCloudInit,
}

export const stepOf = (command: CommandName): Step | undefined => rungButtons[command]
