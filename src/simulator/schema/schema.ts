import { readFileSync } from 'node:fs'

/** A parameter's definition as PVE's API viewer prints it. */
export interface Property {
  type?: string
  format?: string | Record<string, Property>
  optional?: number
  enum?: (string | number)[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  requires?: string
  default_key?: number
  alias?: string
  keyAlias?: string
  items?: Property
  properties?: Record<string, Property>
  additionalProperties?: number
}

export type PermissionCheck = readonly unknown[]

/** One method of one path. */
export interface MethodInfo {
  name: string
  allowtoken?: number
  protected?: number
  proxyto?: string
  permissions?: { user?: string; check?: PermissionCheck; description?: string }
  parameters?: { additionalProperties?: number; properties?: Record<string, Property> }
}

/** Highest index of each `key[n]` parameter (qemu-server: MAX_IDE_DISKS and its like). */
const highest: Record<string, number> = {
  ide: 3,
  sata: 5,
  scsi: 30,
  virtio: 15,
  unused: 255,
  net: 31,
  ipconfig: 31,
  hostpci: 15,
  usb: 13,
  serial: 3,
  parallel: 2,
  numa: 7,
  virtiofs: 9,
  link: 7,
}

function entriesOf(name: string): { path: string; info: Record<string, MethodInfo> }[] {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))
}

/**
 * What guests, their storage and access need, as a node with PVE 9.2.11 serves it; and every other path of PVE's API, from the
 * API viewer of pve-docs 9.1.3 without descriptions and return types.
 */
const entries = [...entriesOf('api-schema-rest.json'), ...entriesOf('api-schema-9.2.json')]

/** path template → method → definition, from PVE's own schema. */
export const schema: ReadonlyMap<string, Readonly<Record<string, MethodInfo>>> = new Map(
  entries.map((entry) => [entry.path, withIndexes(entry.info)]),
)

function withIndexes(info: Record<string, MethodInfo>): Record<string, MethodInfo> {
  for (const method of Object.values(info)) {
    const properties = method.parameters?.properties
    if (!properties) continue
    for (const [name, property] of Object.entries(properties)) {
      const indexed = /^(.*)\[n\]$/.exec(name)
      if (!indexed) continue
      delete properties[name]
      const prefix = indexed[1] as string
      for (let n = 0; n <= (highest[prefix] ?? 9); n++) properties[`${prefix}${n}`] = property
    }
  }
  return info
}

/** Every option of a VM's config with its definition. */
export const vmOptions: Readonly<Record<string, Property>> = (() => {
  const {
    vmid: _vmid,
    node: _node,
    digest: _digest,
    delete: _delete,
    revert: _revert,
    force: _force,
    skiplock: _skiplock,
    ...options
  } = schema.get('/nodes/{node}/qemu/{vmid}/config')?.['PUT']?.parameters?.properties ?? {}
  return options
})()
