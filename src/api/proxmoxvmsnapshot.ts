/** The kind ProxmoxVMSnapshot: one snapshot of one VM. */
import * as z from 'zod'
import { atomic, line, longerThan, nameReference, rules, statusText, time } from './fields.ts'
import { conditions, type KubeObject, observedGeneration } from './object.ts'

export const proxmoxVMSnapshotSpec = z
  .object({
    vmRef: nameReference('ProxmoxVM', 'The VM, in the namespace of the snapshot.'),
    description: line(256, 'What it is for, for people; PVE shows it too.').exactOptional(),
    withMemory: z
      .boolean()
      .default(false)
      .describe(
        'true: the memory of a running guest is kept too, and a rollback continues from it. Needs as much space on the storage as the memory, and pauses the guest for a moment. A VM that is off has no memory to keep.',
      ),
    ttl: longerThan(
      '1m',
      '72h',
      'How long it is kept; then the object is deleted and the snapshot with it. Absent = package.snapshots.lifetime of the VM, else until somebody deletes it.',
    ).exactOptional(),
  })
  .meta({
    description: 'What to take. Cannot be changed: a snapshot is of one moment.',
    ...rules({ rule: 'self == oldSelf', message: 'a snapshot is of one moment and cannot be changed; make another ProxmoxVMSnapshot' }),
  })
/** The spec as people write it; the API server fills in `withMemory`. */
export type ProxmoxVMSnapshotSpec = Omit<z.infer<typeof proxmoxVMSnapshotSpec>, 'withMemory'> & { withMemory?: boolean }

export const proxmoxVMSnapshotStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    name: statusText(64, 'Name of the snapshot in PVE, made from the uid of this object: op- and its first 8 digits.'),
    vmUID: statusText(64, 'UID of the ProxmoxVM it is of: one of the same name made later is another.'),
    intentAt: time(
      'When PVE was about to be asked to take it, written before the request. After a restart the operator looks up the result.',
    ).exactOptional(),
    createdAt: time('When it was taken, by the clock of PVE.').exactOptional(),
    expiresAt: time('When it is deleted by itself. Absent = never.').exactOptional(),
    withMemory: z.boolean().exactOptional().describe('true: the memory of the guest is in it. A rollback to it goes on from that memory.'),
    contents: z
      .object({
        disks: z
          .array(
            z.object({
              name: z.string().max(63).describe('"system", or the name of the additional disk.'),
              key: z.string().max(16).describe('Slot, such as scsi1.'),
              volume: statusText(256, 'Volume of PVE.'),
            }),
          )
          .max(64)
          .meta({ description: 'Disks the VM had.', ...atomic }),
        addresses: z
          .array(z.string().max(64))
          .max(64)
          .meta({ description: 'Addresses the VM had.', ...atomic }),
        macAddress: statusText(32, 'MAC address of net0.'),
      })
      .exactOptional()
      .describe(
        'What the VM had when the snapshot was asked for, so that `kubectl pve plan --rollback` can tell what a rollback would do.',
      ),
    failedAt: time('When PVE failed to take it. The operator does not retry.').exactOptional(),
    upid: statusText(256, 'The PVE task that takes or deletes it (UPID). Absent when none is under way.'),
    conditions: conditions.exactOptional(),
  })
  .describe('The result. Written by the operator.')
/** The status as the engine writes it. */
export type ProxmoxVMSnapshotStatus = z.infer<typeof proxmoxVMSnapshotStatus>

/** One snapshot of one VM, taken once. Deleting the object deletes the snapshot. */
export interface ProxmoxVMSnapshot extends KubeObject {
  spec: ProxmoxVMSnapshotSpec
  status?: ProxmoxVMSnapshotStatus
}
