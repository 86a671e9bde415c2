/**
 * The makers of fields: bounded, described, and with rules whose message says what to write instead.
 * Every string and list has a bound, because the API server estimates the cost of a CEL rule from them and refuses the CRD otherwise.
 */
import * as z from 'zod'

/** One CEL rule of a schema (`x-kubernetes-validations`). */
export interface Rule {
  rule: string
  message: string
  messageExpression?: string
  optionalOldSelf?: boolean
}

/** CEL rules as schema metadata. */
export const rules = (...all: readonly Rule[]): Record<string, unknown> => ({ 'x-kubernetes-validations': all })
/** One CEL rule as schema metadata. */
export const rule = (expression: string, message: string): Record<string, unknown> => rules({ rule: expression, message })

export const listMap = (...keys: readonly string[]): Record<string, unknown> => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
})
export const listSet: Record<string, unknown> = { 'x-kubernetes-list-type': 'set' }
export const atomic: Record<string, unknown> = { 'x-kubernetes-list-type': 'atomic' }

/** Free text on one line: it ends up in option strings and line-based files of PVE, where a line break would start something new. */
export const line = (max: number, description: string) =>
  z
    .string()
    .max(max)
    .meta({ description, ...rule("!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')", 'write it on one line, without control characters') })

/** Text of a status: ours to write, so only bounded. */
export const statusText = (max: number, description: string) => z.string().max(max).exactOptional().describe(description)

/** A word of ours in a status: typed for whoever writes it, an open string for whoever reads it (no enums in a status). */
export const openWord = <W extends string>(max: number, description: string) =>
  z.string().max(max).describe(description) as z.ZodType<string> as z.ZodType<W>

/** A time of a status, RFC 3339. */
export const time = (description: string) => z.string().max(64).meta({ description, format: 'date-time' })

/** A name inside one object: the name of an address, a disk or a rule. */
export const entryName = (description: string) =>
  z
    .string()
    .min(1)
    .max(63)
    .meta({
      description,
      ...rule("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", 'write a name of lowercase letters, digits and -, such as data-1'),
    })

/** The name of another Kubernetes object. */
export const objectName = (description: string) =>
  z
    .string()
    .min(1)
    .max(253)
    .meta({
      description,
      ...rule('!format.dns1123Subdomain().validate(self).hasValue()', 'write the name of an object: lowercase letters, digits, - and .'),
    })

/** A host or domain name, absolute names without the final dot. */
export const dnsName = (field: string, description: string, ...more: readonly Rule[]) =>
  z
    .string()
    .min(1)
    .max(253)
    .meta({
      description,
      ...rules(
        {
          rule: '!format.dns1123Subdomain().validate(self).hasValue()',
          message: `${field}: write a lowercase RFC 1123 name such as web1 or web1.example.com`,
          messageExpression: `'${field}: ' + format.dns1123Subdomain().validate(self).value()[0]`,
        },
        { rule: "self.split('.').all(l, l.size() <= 63)", message: `${field}: write labels of at most 63 characters between the dots` },
        ...more,
      ),
    })

/** An identifier of PVE (node, storage, bridge, CPU type): it goes into option strings, so `,` and `=` can never be part of it. */
export const pveName = (max: number, example: string, description: string) =>
  z
    .string()
    .min(1)
    .max(max)
    .meta({
      description,
      ...rule("self.matches('^[A-Za-z0-9_]([A-Za-z0-9_.+-]*[A-Za-z0-9_])?$')", `write a name as PVE shows it, such as ${example}`),
    })

/** A size: 0 or whole MiB, at least `least` (`16Mi`, `1Gi`). Served as it was written, string or number. */
export const size = (least: string, example: string, description: string) =>
  z.union([z.int(), z.string()]).meta({
    description,
    maxLength: 32,
    'x-kubernetes-int-or-string': true,
    ...rule(
      // Not isInteger(): that is false for 1.5Gi. A double holds every whole number of bytes below 8 Pi.
      "type(self) == int ? self == 0 : (isQuantity(self) && (quantity(self).compareTo(quantity('0')) == 0 || " +
        `(quantity(self).compareTo(quantity('${least}')) >= 0 && quantity(self).compareTo(quantity('8Pi')) < 0 && ` +
        '[quantity(self).asApproximateFloat()].all(b, double(int(b)) == b && int(b) % 1048576 == 0))))',
      `write 0 or a whole number of MiB, at least ${least}, such as ${example}`,
    ),
  })

/** A Go duration of at least `least`, without a default. */
export const longerThan = (least: string, example: string, description: string) =>
  z
    .string()
    .max(32)
    .meta({
      description,
      ...rule(
        `self.matches('^([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+$') && duration(self) >= duration('${least}')`,
        `write a duration of at least ${least}, such as ${example}`,
      ),
    })

/** A Go duration of at least 0. */
export const duration = (fallback: string, example: string, description: string) =>
  z
    .string()
    .max(32)
    .default(fallback)
    .meta({
      description,
      ...rule(
        "self.matches('^([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+$') && duration(self) >= duration('0s')",
        `write a duration of at least 0s, such as ${example}`,
      ),
    })

/** An IP address of either family, without prefix and zone. */
export const ipAddress = (description: string) =>
  z
    .string()
    .max(45)
    .meta({ description, ...rule('isIP(self)', 'write one IP address, such as 203.0.113.10 or 2001:db8::10') })

/** 0 = no limit, like absence, but it beats a package. */
export const limit = (max: number, description: string) => z.int().min(0).max(max).exactOptional().meta({ description })

/** A VLAN tag; 0 = untagged. */
export const vlan = (description: string) =>
  z.int().meta({ description, format: 'int32', ...rule('self >= 0 && self <= 4094', 'vlan: write 1 to 4094, or 0 for untagged') })

/** A VMID as PVE allows it (PVE API viewer: 100 to 999999999). */
export const vmid = (description: string) =>
  z.int().meta({ description, ...rule('self >= 100 && self <= 999999999', 'vmid: write a number from 100 to 999999999') })

/** From and to, both inclusive. */
export const vmidRange = (description: string) =>
  z
    .object({
      from: vmid('First VMID of the range.'),
      to: vmid('Last VMID of the range, itself included.'),
    })
    .meta({ description, ...rule('self.from <= self.to', 'vmids: write from and to in ascending order') })

export const nameReference = (what: string, description: string, extra: Record<string, unknown> = {}) =>
  z.object({ name: objectName(`Name of the ${what}.`) }).meta({ description, ...extra })

/** Names unique in a list whose order matters and which is therefore no list map. */
export const uniqueNames = (list: string): Rule => ({
  rule: 'self.all(a, self.exists_one(b, b.name == a.name))',
  message: `${list}: give each entry a name of its own`,
})

const selectorRequirement = z.object({
  key: z.string().max(317).describe('Label key the requirement is about.'),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How the label is compared with values.'),
  values: z
    .array(z.string().max(63))
    .max(64)
    .exactOptional()
    .meta({ description: 'Label values for In and NotIn.', ...atomic }),
})

/** Which namespaces may use a cluster-scoped object. */
export const allowedNamespaces = z
  .object({
    from: z.enum(['All', 'Selector']).describe('All: every namespace. Selector: those whose labels match selector.'),
    selector: z
      .object({
        matchLabels: z
          .record(z.string(), z.string().max(63))
          .meta({ maxProperties: 32 })
          .exactOptional()
          .describe('Labels the namespace must have, with these values.'),
        matchExpressions: z
          .array(selectorRequirement)
          .max(16)
          .exactOptional()
          .meta({ description: 'Further requirements; all must hold.', ...atomic }),
      })
      .exactOptional()
      .describe('Labels a namespace must have. An empty selector matches every namespace.'),
  })
  .meta({
    description:
      'Namespaces whose ProxmoxVMs may use this object. Absent = all. When you remove a namespace, its VMs keep what they have and get nothing new.',
    ...rule(
      "(self.from == 'Selector') == has(self.selector)",
      'allowedNamespaces: write from: Selector together with selector, or from: All without one',
    ),
  })
export type AllowedNamespaces = z.infer<typeof allowedNamespaces>
