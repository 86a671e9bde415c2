import { z } from 'zod'
import { readSize } from './size.ts'

const size = z.union([z.number().nonnegative(), z.string()]).transform((value, context) => {
  const bytes = typeof value === 'number' ? value : readSize(value)
  if (bytes !== undefined) return bytes
  context.addIssue({ code: 'custom', message: "a size is a number of bytes or a text like '512MiB', '10GiB' or '2TiB'" })
  return z.NEVER
})

const texts = z.record(z.string(), z.union([z.string(), z.number()]).transform(String))

const node = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i, 'a node name has letters, digits and inner hyphens'),
  ip: z.string().optional(),
  cpus: z.int().positive().default(64),
  memory: size.prefault('256GiB'),
  kvm: z.boolean().optional(),
  online: z.boolean().optional(),
})

const storage = z.strictObject({
  storage: z.string(),
  type: z.enum(['dir', 'nfs', 'cifs', 'lvm', 'lvmthin', 'zfspool', 'rbd', 'btrfs', 'pbs']),
  content: z.array(z.string()).default(['images', 'rootdir']),
  shared: z.boolean().optional(),
  size: size.prefault('2TiB'),
  used: size.optional(),
  nodes: z.array(z.string()).optional(),
  disabled: z.boolean().optional(),
  properties: texts.optional(),
})

const templateSchema = z.strictObject({
  vmid: z.int().min(100),
  node: z.string(),
  name: z.string(),
  storage: z.string(),
  disk: size.prefault('10GiB'),
  tags: z.string().optional(),
  cloudInit: z.boolean().default(true),
  /** More config lines, or other values for the usual ones. */
  config: texts.optional(),
})

const guest = z.strictObject({
  vmid: z.int().min(100),
  node: z.string(),
  kind: z.enum(['qemu', 'lxc']).optional(),
  running: z.boolean().optional(),
  config: texts,
})

const durationNames = [
  'cloneFullMsPerGiB',
  'cloneLinkedMs',
  'cloneSilentMs',
  'createMs',
  'configMs',
  'resizeMs',
  'startMs',
  'stopMs',
  'shutdownMs',
  'destroyMs',
  'snapshotMs',
  'templateMs',
  'migrateMs',
  'moveMsPerGiB',
  'backupMs',
  'agentMs',
  'restoreMs',
  'restartMs',
  'cleanupMs',
] as const

const durations = z.strictObject({
  ...(Object.fromEntries(durationNames.map((name) => [name, z.number().nonnegative().optional()])) as Record<
    (typeof durationNames)[number],
    z.ZodOptional<z.ZodNumber>
  >),
  guestsObeyShutdown: z.boolean().optional(),
})

const ha = z.strictObject({
  manager: z.boolean().optional(),
  resources: z
    .array(
      z.strictObject({
        vmid: z.int().min(100),
        state: z.enum(['started', 'stopped', 'disabled', 'ignored']).optional(),
        failback: z.int().min(0).max(1).optional(),
        max_restart: z.int().min(0).optional(),
        max_relocate: z.int().min(0).optional(),
        comment: z.string().optional(),
      }),
    )
    .optional(),
})

/**
 * A scenario file (YAML or JSON), laid over a preset. A list that is given replaces the preset's; `durations` and `datacenter` are
 * merged into it. Unknown fields are refused.
 */
export const scenarioSchema = z.strictObject({
  version: z
    .string()
    .regex(/^[89]\.\d+\.\d+$/, 'a version looks like 8.4.14 or 9.2.11')
    .optional(),
  clusterName: z.string().optional(),
  nodes: z.array(node).min(1).optional(),
  storages: z.array(storage).optional(),
  bridges: z
    .array(
      z.strictObject({
        iface: z.string(),
        vlanAware: z.boolean().optional(),
        cidr: z.string().optional(),
        nodes: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  templates: z.array(templateSchema).optional(),
  guests: z.array(guest).optional(),
  volumes: z.array(z.strictObject({ volid: z.string(), node: z.string().optional(), format: z.string().optional(), size })).optional(),
  users: z.array(z.strictObject({ userid: z.string(), enable: z.boolean().optional(), password: z.string().optional() })).optional(),
  tokens: z
    .array(
      z.strictObject({
        tokenid: z.string().regex(/^[^\s@!]+@[^\s@!]+![\w.-]+$/, 'a token id looks like user@realm!name'),
        secret: z.string(),
        privsep: z.boolean().optional(),
      }),
    )
    .optional(),
  roles: z.record(z.string(), z.array(z.string())).optional(),
  acl: z
    .array(
      z.strictObject({
        path: z.string().startsWith('/'),
        type: z.enum(['user', 'group', 'token']),
        ugid: z.string(),
        roleid: z.string(),
        propagate: z.boolean().optional(),
      }),
    )
    .optional(),
  pools: z
    .array(
      z.strictObject({
        poolid: z.string(),
        comment: z.string().optional(),
        vms: z.array(z.int()).optional(),
        storages: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  resolver: z.strictObject({ search: z.string().optional(), nameservers: z.array(z.string()) }).optional(),
  datacenter: texts.optional(),
  firewall: z.strictObject({ enable: z.boolean() }).optional(),
  durations: durations.optional(),
  ha: ha.optional(),
  tls: z.strictObject({ ca: z.string(), key: z.string() }).optional(),
  seed: z.int().optional(),
  authDelayMs: z.number().nonnegative().optional(),
  pvestatdMs: z.number().positive().optional(),
  offlineDelayMs: z.number().nonnegative().optional(),
  errorBody: z.enum(['modern', 'legacy']).optional(),
})

export type TemplateEntry = z.output<typeof templateSchema>
export type Scenario = z.output<typeof scenarioSchema>
