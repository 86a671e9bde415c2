import * as z from 'zod'
import { changeStatus, openStopStatus } from './change-status.ts'
import { adoption } from './adopt.ts'
import { atomic, listMap, openWord, statusText, time } from './fields.ts'
import { backupsStatus } from './backups-status.ts'
import { cloneRequest } from './clone-request.ts'
import { conditions, observedGeneration } from './object.ts'
import { packageSpec } from './package.ts'
import { guestSeen } from './guest-seen.ts'
import { possessions } from './possessions.ts'
import { restoreStatus } from './restore.ts'
import { vmDns } from './vm-dns.ts'
import { template } from './template.ts'
import type { StepName } from './words.ts'
import { figuresStatus, usageStatus } from './usage.ts'

const name = (description: string) => z.string().max(253).describe(description)

const step = z.object({
  name: openWord<StepName>(64, 'The current step: a step of the creation, or another one such as start or remove.'),
  since: time('When it became the current one.'),
  attempts: z.int().exactOptional().describe('Failed attempts so far.'),
  lastError: statusText(1024, 'Why the last attempt failed: the message of PVE.'),
  upid: statusText(256, 'The running PVE task (UPID).'),
  repairs: z
    .int()
    .exactOptional()
    .describe(
      'metadata.generation of the spec that the VM had reached before: what differs now was changed in PVE, and is put right without a stop.',
    ),
})

const networkInterface = z.object({
  name: z.string().max(16).describe('net0.'),
  macAddress: z.string().max(17).describe('MAC address, chosen by the operator; it never changes.'),
  bridge: statusText(15, 'Bridge or VNet it is on.'),
  vlan: z.int().exactOptional().describe('VLAN tag; absent = untagged.'),
})

const vmAddress = z.object({
  name: z.string().max(63).describe('Name of the entry in spec.addresses.'),
  family: z.enum(['IPv4', 'IPv6']).describe('IPv4 or IPv6.'),
  address: z.string().max(45).describe('The address.'),
  prefixLength: z.int().describe('Length of the prefix.'),
  gateway: statusText(45, 'Default route.'),
  pool: name('Name of the IPPool it came from.'),
  state: statusText(
    16,
    'Releasing: no longer in spec.addresses, and the guest may still use it. It stays reserved and allowed until the next start from off. Absent = it is the address of its entry.',
  ),
})

const disk = z.object({
  name: z.string().max(63).describe('"system", or the name of the additional disk in the package.'),
  key: z.string().max(16).describe('Slot of the disk in PVE, such as scsi1. Noted before the disk is allocated.'),
  volume: statusText(256, 'Volume of PVE, such as local-lvm:vm-10000-disk-1.'),
  size: statusText(32, 'Size, such as 40Gi.'),
  removalPolicy: statusText(16, 'What happens to the disk when it leaves the package: Keep or Delete.'),
})

const historyEntry = z.object({
  step: openWord<StepName>(64, 'The step.'),
  startedAt: time('When it began.'),
  seconds: z.int().describe('How long it took, in seconds.'),
  outcome: z.string().max(64).describe('How it ended.'),
  message: statusText(1024, 'What was done, or what prevented it.'),
})
export type HistoryEntry = z.infer<typeof historyEntry>

const snapshot = z.object({
  name: z.string().max(64).describe('Name in PVE.'),
  createdAt: time('When it was taken, by the clock of PVE.').exactOptional(),
  withMemory: z.boolean().exactOptional().describe('true: the memory of the guest is in it.'),
  object: statusText(
    253,
    'Name of its ProxmoxVMSnapshot. Absent = made by somebody else: the operator shows it and never counts or deletes it.',
  ),
  state: statusText(32, 'What PVE has not finished: prepare or delete. Absent = the snapshot is complete.'),
})

const reinstall = z.object({
  completedIDs: z
    .array(z.string().max(128))
    .max(20)
    .meta({ description: 'The last 20 request IDs that are done, oldest first; none of them runs again.', ...atomic }),
  running: z
    .object({
      requestID: z.string().max(128).describe('The current request.'),
      template: template.exactOptional().describe('The template it asked for. Absent = spec.template.'),
      since: time('When it began.'),
      wasRunning: z.boolean().exactOptional().describe('true: the VM ran before its power was cut for this request.'),
      destroyAt: time(
        'When the deletion of the old VM was asked for. Absent = nothing is deleted yet, and a newer requestID or a removed spec.reinstall replaces this request.',
      ).exactOptional(),
      removed: z.boolean().exactOptional().describe('true: the old VM is deleted, and the operator makes the new one.'),
      isClone: z.boolean().exactOptional().describe('true: asked for by the command Clone, after Remove or because the VM was missing.'),
    })
    .exactOptional()
    .describe('The reinstall under way, written before anything is deleted. Absent = none.'),
})

const rollback = z.object({
  running: z
    .object({
      requestID: z.string().max(128).describe('The command that asked for it.'),
      object: name('Name of the ProxmoxVMSnapshot.'),
      snapshot: z.string().max(64).describe('Name of the snapshot in PVE.'),
      since: time('When it was begun.'),
      wasRunning: z.boolean().exactOptional().describe('true: the VM ran before, and is started after the rollback.'),
      withMemory: z.boolean().exactOptional().describe('true: the guest continues from the memory in the snapshot; PVE starts it.'),
      askedAt: time('When PVE was about to be asked, written before the request.').exactOptional(),
      upid: statusText(256, 'The PVE task that rolls back (UPID).'),
    })
    .exactOptional()
    .describe('The rollback under way, written before PVE is asked. Absent = none.'),
  completedID: statusText(128, 'The command whose rollback was done last.'),
  failed: z
    .object({ requestID: z.string().max(128).describe('The command.'), message: z.string().max(1024).describe('Why it failed.') })
    .exactOptional()
    .describe('The rollback that failed last.'),
})

export const proxmoxVMStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    localStatus: statusText(
      64,
      'The last finished step of the creation: creation, clone, set_cpu_ram, set_system_disk_size, set_system_disk_bandwidth, set_created_additional_disk, set_additional_disk_size, set_additional_disk_bandwidth, set_network, set_firewall, set_cloudinit, ready. During other work on a VM that was ready: reinstall, restore, change_package.',
    ),
    remoteStatus: statusText(
      64,
      'Power of the VM in PVE: running (also while its guest is paused) or stopped. Keeps its last value while PVE does not answer; absent while its node is off.',
    ),
    remoteLock: statusText(64, 'The lock PVE holds on the VM, such as backup. The operator changes nothing while there is one.'),
    haState: statusText(32, "Present only for a problem: PVE's high availability holds the VM in state error, or ignores it."),
    remarks: statusText(
      256,
      'Reasons that do not affect Ready, such as PackageOutdated, DiskKept or RestartRequired; the conditions have the sentences. Absent = none.',
    ),
    phase: statusText(
      64,
      'The VM in one word: Pending, Provisioning, Running, Stopped, Suspended, Changing, Reinstalling, Terminating, Removed, Missing, Unknown. Derived, for people.',
    ),
    step: step.exactOptional().describe('What the operator works on or waits for. Absent = nothing.'),
    progress: statusText(16, 'Finished steps of all, such as 7/12.'),
    vmid: z.int().exactOptional().describe('VMID in PVE, chosen before the clone.'),
    node: statusText(63, 'Node of PVE the VM is on.'),
    template: z
      .object({
        vmid: z.int().describe('VMID of the template, or of the VM in the backup.'),
        node: z.string().max(63).describe('Node of the template, or the one that reads the backup.'),
        name: statusText(253, 'Name of the template, or of the VM in the backup.'),
        selector: statusText(300, 'How spec.template chose it when the VM was made: name=…, vmid=…, tag=… or backup=….'),
        volume: statusText(512, 'The file the VM is made from. Absent = it is cloned from a template.'),
        isLeft: z
          .boolean()
          .exactOptional()
          .describe('true: a restore failed and left an empty VM under the number; the next attempt takes its place.'),
      })
      .exactOptional()
      .describe('The template or the backup the VM is made from.'),
    interfaces: z
      .array(networkInterface)
      .max(8)
      .exactOptional()
      .meta({ description: 'Network cards.', ...listMap('name') }),
    hostname: statusText(253, 'Host name of the guest. Macros are evaluated once and kept here.'),
    vmName: statusText(253, 'Name of the VM in PVE.'),
    clonedAt: time(
      'When PVE began the clone, by its own clock; where its answer was lost, when the plan was written. Backups older than that belong to a former holder of the VMID.',
    ).exactOptional(),
    intentAt: time(
      'When the plan (VMID, node, template, MAC, names) was written. Before that a VM missing in PVE proves nothing.',
    ).exactOptional(),
    cloneRequests: z
      .array(cloneRequest)
      .max(32)
      .exactOptional()
      .meta({
        description:
          'Clone requests that may still take effect, oldest first. Each is written before it is sent and leaves the list when PVE reports its result, or 5 minutes after its answer was lost.',
        ...atomic,
      }),
    addresses: z
      .array(vmAddress)
      .max(64)
      .exactOptional()
      .meta({ description: 'Allocated addresses, in the order of spec.addresses, then those that are being released.', ...atomic }),
    guestSeen: guestSeen.exactOptional(),
    disks: z
      .array(disk)
      .max(32)
      .exactOptional()
      .meta({ description: 'Disks that the operator manages.', ...listMap('name') }),
    package: packageSpec.exactOptional().describe('The package of the VM now: VMPackage and inline fields merged.'),
    packageSource: z
      .object({
        name: name('Name of the VMPackage.'),
        generation: z.int().describe('Its metadata.generation when it was taken.'),
        spec: packageSpec.exactOptional().describe('Its content when it was taken. Absent = the same as status.package.'),
      })
      .exactOptional()
      .describe('The VMPackage in force for this VM. Inline edits merge over it; a newer one is taken when packageRef changes.'),
    firstReadyAt: time('When the VM was first ready.').exactOptional(),
    firstStartedAt: time('When the operator first started the VM.').exactOptional(),
    reinstall: reinstall.exactOptional().describe('Reinstalls done and under way.'),
    restore: restoreStatus.exactOptional().describe('Restores done and under way.'),
    backups: backupsStatus.exactOptional().describe('Backup files that PVE has of this VM.'),
    rollback: rollback.exactOptional().describe('Rollbacks to snapshots done and under way.'),
    change: changeStatus
      .exactOptional()
      .describe('The change of package under way, written before the VM is stopped for it, so that an interrupted one is finished.'),
    openStop: openStopStatus
      .exactOptional()
      .describe('A shutdown for a change of package whose answer is not known; kept for 10 minutes, since PVE may begin it late.'),
    removedAt: time(
      'When the command Remove deleted the VM. VMID and addresses are kept; the commands Clone and Reinstall create it again.',
    ).exactOptional(),
    possessions: possessions.exactOptional(),
    lookedFor: statusText(
      128,
      'The value of the annotation pve.hosting/look that was answered last: the operator has read the VM since it was written.',
    ),
    terminatedAt: time(
      'When PVE proved that the VM of this deleted object no longer exists. Its addresses are free since then; only backups are left.',
    ).exactOptional(),
    formerNodes: z
      .array(z.string().max(63))
      .max(32)
      .exactOptional()
      .meta({ description: 'Nodes of PVE the VM was on before: their own storages may hold backups of it.', ...atomic }),
    released: z
      .object({
        at: time('When.'),
        mode: statusText(16, 'keep-mark: the guest keeps the owner line. hand-back: owner line and tag were removed.'),
      })
      .exactOptional()
      .describe('The object was released from its VM (annotation pve.hosting/release) and has no effect any more.'),
    credentialsSecretRef: z
      .object({ name: name('Name of the Secret, in the namespace of the VM.') })
      .exactOptional()
      .describe('The Secret with the generated password.'),
    cloudInit: z
      .object({
        passwordVersion: statusText(128, 'resourceVersion of the Secret whose password PVE was given.'),
        fingerprint: statusText(128, 'Fingerprint of what was written to PVE and cannot be read back.'),
      })
      .exactOptional()
      .describe('What was given to cloud-init and cannot be read back.'),
    adoption: adoption
      .exactOptional()
      .describe(
        'A guest that spec.adopt reports or took over, or one of a former object of this name, which `kubectl pve adopt --former` takes over.',
      ),
    history: z
      .array(historyEntry)
      .max(30)
      .exactOptional()
      .meta({ description: 'The last 30 steps, oldest first.', ...atomic }),
    guest: z
      .object({
        agent: z.string().max(32).describe('Answering, Silent, NotAsked, or Off: the VM is off.'),
        hostname: statusText(253, 'Host name the guest has.'),
        os: statusText(253, 'Operating system, as the guest calls it.'),
        addresses: z
          .array(z.string().max(45))
          .max(32)
          .exactOptional()
          .meta({ description: 'Addresses on the network cards of the guest, without link-local and loopback ones.', ...atomic }),
        cloudInitErrors: z
          .array(z.string().max(300))
          .max(8)
          .exactOptional()
          .meta({ description: 'Errors of cloud-init in its last run, in its own words. Absent = none, or nobody could ask.', ...atomic }),
      })
      .exactOptional()
      .describe('What the guest agent reports. Absent = it is not enabled in the configuration of the VM.'),
    snapshots: z
      .array(snapshot)
      .max(64)
      .exactOptional()
      .meta({
        description:
          'Snapshots of the VM in PVE as last listed, oldest first, also those made there by hand. Absent = none, or not read yet.',
        ...atomic,
      }),
    usage: usageStatus.exactOptional().describe('Traffic of the period. Absent = the package has no traffic.'),
    figures: figuresStatus.exactOptional().describe('What `kubectl pve top` asked for last.'),
    dns: vmDns.exactOptional(),
    conditions: conditions.exactOptional(),
  })
  .describe('The state. Written by the operator.')
/** The status as the engine writes it. */
export type ProxmoxVMStatus = z.infer<typeof proxmoxVMStatus>
