/** The status of a ProxmoxCluster. */
import * as z from 'zod'
import { guestList } from './guest-list.ts'
import { atomic, listMap, objectName, statusText, time } from './fields.ts'
import { conditions, observedGeneration } from './object.ts'

/** As many as status.deletions.counted holds. */
export const mostCountedDeletions = 1000

/** As many as status.heldSecrets holds. */
export const mostHeldSecrets = 16

const countedDeletion = z.object({
  vm: z.string().max(317).describe('Namespace and name of the ProxmoxVM.'),
  uid: z.string().max(64).describe('Its uid.'),
  errand: z.string().max(256).describe('What destroyed its VM: its deletion, a reinstall, a restore, or the command Remove.'),
  at: time('When the operator began it.'),
})
export type CountedDeletion = z.infer<typeof countedDeletion>

const deletionsStatus = z
  .object({
    counted: z
      .array(countedDeletion)
      .max(mostCountedDeletions)
      .exactOptional()
      .meta({ description: 'VMs destroyed recently, those that limits.deletions counts among them; the newest last.', ...atomic }),
    waiting: z.int().exactOptional().describe('ProxmoxVMs that wait because limits.deletions has no room.'),
    roomAt: time('When the operator destroys the next of them.').exactOptional(),
    liftedUntil: time('Until then a person has suspended the limit (`kubectl pve allow-deletions`).').exactOptional(),
  })
  .describe('What limits.deletions counts and holds back.')

export const proxmoxClusterStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    version: z.string().max(64).exactOptional().describe('Version of PVE.'),
    nodesOnline: statusText(16, 'Nodes that are online, of all: 2/3.'),
    nodes: z
      .array(
        z.object({
          name: z.string().max(63).describe('Name of the node.'),
          online: z.boolean().describe('Whether the PVE cluster sees the node.'),
          maintenance: z
            .boolean()
            .exactOptional()
            .describe('true: the HA manager of PVE has it in maintenance, so it gets no new VM, reinstall or restore.'),
          vms: z.int().describe('VMs of the operator on it.'),
        }),
      )
      .max(128)
      .exactOptional()
      .meta({ description: 'The nodes of the PVE cluster.', ...listMap('name') }),
    templates: z
      .array(
        z.object({
          name: z.string().max(253).exactOptional().describe('Name of the template.'),
          tag: z.string().max(1024).exactOptional().describe('Tags of the template as PVE writes them, several separated by semicolons.'),
          node: z.string().max(63).describe('Node it is on.'),
          vmid: z.int().describe('Its VMID.'),
        }),
      )
      .max(512)
      .exactOptional()
      .meta({ description: 'The templates the token can see: what spec.template of a ProxmoxVM can name.', ...atomic }),
    missingPrivileges: z
      .array(
        z.object({
          path: z.string().max(256).describe('Path of PVE on which it is missing.'),
          privilege: z.string().max(64).describe('Name of the privilege.'),
          neededFor: z.string().max(256).describe('What does not work without it.'),
        }),
      )
      .max(256)
      .exactOptional()
      .meta({
        description: 'Privileges every VM needs and the token lacks. `pve-operator role` prints the role that has them.',
        ...atomic,
      }),
    capabilities: z
      .array(
        z.object({
          name: z.string().max(64).describe('What does not work, as `pve-operator role --with` names it.'),
          message: z.string().max(1024).describe('Why, and what grants it.'),
        }),
      )
      .max(64)
      .exactOptional()
      .meta({
        description: 'What does not work because the token lacks a privilege that only some VMs need. All else works.',
        ...listMap('name'),
      }),
    vmids: z
      .object({ reservedUpTo: z.int().describe('VMIDs up to this one are taken from the range; it grows by blocks of 100.') })
      .exactOptional()
      .describe('How far the range of VMIDs is used. A VMID is used again only after the whole range was used.'),
    identity: z
      .string()
      .max(95)
      .exactOptional()
      .describe(
        'Which PVE it is: SHA-256 of its pve-root-ca.pem. While another PVE answers, the operator writes nothing and draws no conclusion.',
      ),
    heldSecrets: z
      .array(z.object({ namespace: objectName('Namespace of the Secret.'), name: objectName('Name of the Secret.') }))
      .max(mostHeldSecrets)
      .exactOptional()
      .meta({
        description:
          'Secrets that have the finalizer pve.hosting/in-use for this object: that of spec.credentialsSecretRef, and a former one until the operator has removed the finalizer, for which it needs `patch` on that Secret.',
        ...atomic,
      }),
    deletions: deletionsStatus.exactOptional(),
    unclaimed: z
      .array(
        z.object({
          vmid: z.int().describe('VMID of the guest.'),
          node: z.string().max(63).describe('Node it is on.'),
          name: z.string().max(253).describe('Its name in PVE.'),
          formerObject: statusText(127, 'namespace/name of the ProxmoxVM that owned it. Absent = its owner line does not say.'),
          installation: statusText(
            64,
            'The other Kubernetes cluster it belongs to, by the uid of its namespace kube-system. Absent = this or a former one.',
          ),
          copyOf: z
            .int()
            .exactOptional()
            .describe('VMID in its owner line, when that differs from its own: the guest is a copy or a restored backup of that VM.'),
          addresses: z
            .array(z.string().max(45))
            .max(16)
            .exactOptional()
            .meta({ description: 'Addresses it is configured with, in ipconfigN and its ipfilter sets.', ...atomic }),
          since: time('When it was first seen so.'),
        }),
      )
      .max(256)
      .exactOptional()
      .meta({
        description:
          'Guests in PVE with an owner line of the operator that belong to no ProxmoxVM here, at most 256. The operator does not touch them; docs/ownership.md says what you can do.',
        ...atomic,
      }),
    unclaimedCount: z
      .int()
      .exactOptional()
      .describe('Guests whose ProxmoxVM no longer exists, without copies and guests of other installations. 0 is normal.'),
    guestList: guestList.exactOptional(),
    conditions: conditions.exactOptional(),
  })
  .describe('The state. Written by the operator.')
export type ProxmoxClusterStatus = z.infer<typeof proxmoxClusterStatus>
