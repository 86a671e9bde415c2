import type { CommandName } from './api/proxmoxvmcommand.ts'
import type { Ladder, Step } from './ladder/step.ts'
import { keepDisks, setAdditionalDiskBandwidth, setAdditionalDiskSize, setCreatedAdditionalDisk } from './steps/additional-disk.ts'
import { impossibleOptions } from './steps/disk-options.ts'
import { identity, onboot } from './steps/identity.ts'
import type { RemovalLadder } from './ladder/removal.ts'
import { putBackFirewall } from './steps/put-back-firewall.ts'
import { putBackNetwork } from './steps/put-back-network.ts'
import { power, powerOff, stopForChange } from './steps/power.ts'
import { cutPower, deleteBackups, deleteBackupsLeft, destroyVM, isOff, notInHa, notReplicated, unprotected } from './steps/removal.ts'
import { setCloudInit } from './steps/set-cloudinit.ts'
import { keepMemory, setCpuRam } from './steps/set-cpu-ram.ts'
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
  keepMemory,
  setSystemDiskSize,
  setSystemDiskBandwidth,
  setCreatedAdditionalDisk,
  keepDisks,
  setAdditionalDiskSize,
  keepDiskSizes,
  setAdditionalDiskBandwidth,
  impossibleOptions,
  setNetwork,
  putBackNetwork,
  putBackFirewall,
  setFirewall,
  setCloudInit,
  stopForChange,
  power,
]

/** A suspended VM is off, and stays off when its node restarts, whatever else is wrong with its object. */
export const suspend: Ladder = [powerOff, onboot]

/** A VM that the operator has switched off runs again, whatever else is wrong with its object. */
export const wake: Ladder = [onboot, power]

/**
 * The end of a VM (engine/remove): first what stands in the way, then what goes before it, then the VM itself with disks and snapshots.
 * After each comes the same proof that it is gone; then the addresses are free, and last the backups that could not be deleted before.
 */
export const removals = {
  /** The object is deleted with policy Terminate. */
  terminate: [unprotected, cutPower, deleteBackups, destroyVM({ purge: true, unreferencedDisks: true })],
  /** The same with backupsOnDelete: Keep. */
  terminateWithoutBackups: [unprotected, cutPower, destroyVM({ purge: true, unreferencedDisks: true })],
  /** The object is deleted with policy Remove: its backups and disks that PVE does not know as this VM's stay. */
  dismiss: [unprotected, isOff, destroyVM({ purge: true, unreferencedDisks: false })],
  /** The same for a VM that was never ready: what a clone left that did not finish holds nothing of a customer. */
  dismissUnfinished: [unprotected, isOff, destroyVM({ purge: true, unreferencedDisks: true })],
  /** The command Remove: Clone or Reinstall bring the VM back, so backup jobs keep their entry. */
  setAside: [unprotected, notInHa, notReplicated, isOff, destroyVM({ purge: false, unreferencedDisks: false })],
  /** The same for a VM that was never ready. */
  setAsideUnfinished: [unprotected, notInHa, notReplicated, isOff, destroyVM({ purge: false, unreferencedDisks: true })],
  /** A reinstall: the same, with the power cut, and with all disks. */
  clear: [unprotected, notInHa, notReplicated, cutPower, destroyVM({ purge: false, unreferencedDisks: true })],
  /** Policy Terminate, after the VM is gone. */
  leftovers: [deleteBackupsLeft],
} as const satisfies Record<string, RemovalLadder>

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
