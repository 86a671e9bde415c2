import * as z from 'zod'
import { allowedNamespaces, atomic, duration, listSet, objectName, pveName, rule, rules, vmidRange } from './fields.ts'
import { mode, overcommit, tagging } from './cluster-policy.ts'
import { consoles } from './console-settings.ts'
import type { KubeObject } from './object.ts'
import { mostCountedDeletions, type ProxmoxClusterStatus } from './proxmoxcluster-status.ts'

const endpoint = z
  .string()
  .max(256)
  .meta(
    rules({
      rule: "isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != '' && url(self).getEscapedPath() in ['', '/'] && url(self).getQuery().size() == 0",
      message: 'write an https URL without a path, such as https://pve1.example.com:8006',
    }),
  )

const identity = z
  .string()
  .max(95)
  .meta(
    rule(
      "self.matches('^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$')",
      'identity: write the SHA-256 fingerprint of pve-root-ca.pem as PVE shows it: 32 pairs of hexadecimal digits joined by :',
    ),
  )

const tls = z
  .object({
    caBundle: z
      .string()
      .max(65_536)
      .exactOptional()
      .meta({
        description: 'PEM certificates of the authority that signed those of the endpoints.',
        ...rule("self.startsWith('-----BEGIN CERTIFICATE-----')", 'caBundle: write PEM text that begins with -----BEGIN CERTIFICATE-----'),
      }),
    fingerprints: z
      .array(
        z
          .string()
          .max(95)
          .meta(
            rule(
              "self.matches('^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$')",
              'write a SHA-256 fingerprint as PVE shows it: 32 pairs of hexadecimal digits joined by :',
            ),
          ),
      )
      .min(1)
      .max(64)
      .exactOptional()
      .meta({
        description:
          'SHA-256 fingerprints of the certificates of the endpoints, as Datacenter → Nodes → System → Certificates shows them. A certificate with one of them is trusted.',
        ...listSet,
      }),
    insecureSkipVerify: z
      .boolean()
      .exactOptional()
      .describe('true: any certificate is accepted, so somebody in the network path can read the token. For simulators.'),
  })
  .meta({
    description: 'What certificates are trusted: one of the three. Absent = those signed by an authority the operator knows.',
    ...rule(
      '[has(self.caBundle), has(self.fingerprints), has(self.insecureSkipVerify) && self.insecureSkipVerify].filter(x, x).size() <= 1',
      'tls: write one of caBundle, fingerprints and insecureSkipVerify',
    ),
  })

const deletionLimit = z
  .object({
    max: z
      .int()
      .min(0)
      .max(mostCountedDeletions)
      .exactOptional()
      .describe(
        'VMs that may be destroyed inside one window. Absent = 20, or 2 % of the VMs of this cluster where that is more; 0 = none.',
      ),
    window: duration('10m', '10m', 'How long a destroyed VM counts.'),
  })
  .describe(
    'How many VMs the operator destroys at most in a time, by deletion, reinstall, restore and the command Remove together. The others wait (Stalled, reason TooManyDeletions) until the window has room, or until a person runs `kubectl pve allow-deletions`.',
  )

export const proxmoxClusterSpec = z
  .object({
    endpoints: z
      .array(endpoint)
      .min(1)
      .max(16)
      .meta({
        description: 'API endpoints of nodes of one PVE cluster. The operator uses the first that answers.',
        ...atomic,
      }),
    credentialsSecretRef: z
      .object({ namespace: objectName('Namespace of the Secret.'), name: objectName('Name of the Secret.') })
      .describe(
        'The Secret with the API token, in the keys tokenID (user@realm!name) and tokenSecret. The operator reads a changed Secret without a restart.',
      ),
    tls: tls.exactOptional(),
    vmids: vmidRange(
      'VMIDs the operator may use. People and other programs must not use this range. After a change existing VMs keep their VMIDs.',
    ),
    nodes: z
      .array(pveName(63, 'pve1', 'A node of PVE.'))
      .min(1)
      .max(128)
      .exactOptional()
      .meta({ description: 'Nodes where new VMs may be placed. Absent = all. VMs elsewhere stay there.', ...listSet }),
    cordon: z
      .array(pveName(63, 'pve1', 'A node of PVE.'))
      .min(1)
      .max(128)
      .exactOptional()
      .meta({
        description:
          'Nodes that get no new VM, reinstall or restore, because somebody works on them. Their VMs keep running. The operator also avoids nodes that the HA manager of PVE has in maintenance. Absent = none.',
        ...listSet,
      }),
    limits: z
      .object({
        requests: z
          .int()
          .min(1)
          .max(256)
          .default(8)
          .describe('Requests to the API at the same time. More make PVE slower before they make it faster.'),
        fullClonesPerNode: z
          .int()
          .min(1)
          .max(64)
          .default(4)
          .describe('Full clones at the same time per node; further ones wait in order (reason Queued). Linked clones do not count.'),
        backupsPerNode: z
          .int()
          .min(1)
          .max(64)
          .exactOptional()
          .describe(
            'Backups at the same time per node; further ones wait (reason Queued). Default 1: a node of PVE makes one after another.',
          ),
        backupsPerStorage: z
          .int()
          .min(1)
          .max(256)
          .exactOptional()
          .describe('Backups at the same time per storage; further ones wait (reason Queued). Default 4.'),
        deletions: deletionLimit.exactOptional(),
      })
      .default({ requests: 8, fullClonesPerNode: 4 })
      .describe('Limits for the load on PVE.'),
    adoption: z
      .object({
        vmids: vmidRange('VMIDs of guests without an owner line that spec.adopt of a ProxmoxVM may take over.').exactOptional(),
      })
      .exactOptional()
      .describe(
        'Which existing guests of PVE may become VMs of this cluster object. Absent, or without vmids = only guests with an owner line of the operator. The range may lie outside spec.vmids.',
      ),
    formerInstallations: z
      .array(
        z
          .string()
          .max(63)
          .meta(
            rule(
              "self.matches('^[0-9A-Za-z][-0-9A-Za-z.]*$')",
              'write the uid of the namespace kube-system of the former Kubernetes cluster',
            ),
          ),
      )
      .min(1)
      .max(16)
      .exactOptional()
      .meta({
        description:
          'Kubernetes clusters that had these VMs before, each by the uid of its namespace kube-system (it stands in the description of every VM and in status.unclaimed). Their VMs count as unclaimed here, and `kubectl pve adopt --former` takes them over. Never name one whose operator still runs.',
        ...listSet,
      }),
    overcommit: overcommit.exactOptional(),
    tags: tagging,
    mode,
    pvePool: pveName(128, 'customers', 'A resource pool of PVE.')
      .exactOptional()
      .describe(
        'The PVE pool in which VMs are made; it must exist. A token that has its rights on guests and storages through this pool alone is enough; templates and storages in use must be members, or have grants of their own. After a change existing VMs stay in their pools.',
      ),
    identity: identity
      .exactOptional()
      .describe(
        'Confirms which PVE this is, when another one answers than status.identity says (reason ClusterChanged): the SHA-256 of its pve-root-ca.pem, as System → Certificates of a node shows it. Absent = the first recorded one.',
      ),
    console: consoles.exactOptional(),
    allowedNamespaces: allowedNamespaces.exactOptional(),
  })
  .describe('One PVE cluster, or one node without a cluster. Another object for the same PVE needs another VMID range.')
export type ProxmoxClusterSpec = z.infer<typeof proxmoxClusterSpec>

export interface ProxmoxCluster extends KubeObject {
  spec: ProxmoxClusterSpec
  status?: ProxmoxClusterStatus
}
