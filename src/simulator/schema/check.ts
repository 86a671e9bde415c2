import { FormatError } from './format-error.ts'
import { checkNamed, namedObjects } from './named.ts'
import { splitPropertyString } from './property-string.ts'
import { textOf } from './text.ts'
import type { Property } from './schema.ts'

const cpuFlags = 'aes amd-no-ssb amd-ssbd hv-evmcs hv-tlbflush ibpb md-clear nested-virt pcid pdpe1gb spec-ctrl ssbd virt-ssbd'.split(' ')

export type Errors = Record<string, string>

const numberText = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const integerText = /^[+-]?\d+$/
const patterns = new Map<string, RegExp>()

/** Several texts for one key are joined by a backslash and an `n`, as PVE::JSONSchema add_error does it. */
export function addError(errors: Errors, path: string, text: string): void {
  errors[path] = path in errors ? `${errors[path]}\\n${text}` : text
}

/** A Perl pattern of the schema as a JavaScript one: `(?^:…)` groups and `{,n}` counts differ. */
export function patternOf(text: string): RegExp {
  let known = patterns.get(text)
  if (!known) {
    const source = text
      .replaceAll(/\(\?\^[a-z]*:/g, '(?:')
      .replaceAll(/\{,(\d+)\}/g, '{0,$1}')
      .replaceAll('(?<!\\n)', '')
    known = new RegExp(`^(?:${source})\\n?$`)
    patterns.set(text, known)
  }
  return known
}

/** PVE::JSONSchema check_object: each defined property, then what is not in the schema. */
export function checkObject(
  path: string,
  properties: Readonly<Record<string, Property>>,
  values: Record<string, unknown>,
  additional: boolean,
  errors: Errors,
): void {
  const at = (key: string) => (path ? `${path}.${key}` : key)
  for (const [key, property] of Object.entries(properties)) {
    const value = values[key]
    if (value === undefined || value === null) {
      if (!property.optional && property.alias === undefined) addError(errors, at(key), 'property is missing and it is not optional')
    } else values[key] = checkValue(at(key), property, value, errors)
  }
  for (const key of Object.keys(values)) {
    const property = properties[key]
    if (property) {
      if (property.requires !== undefined && values[key] !== undefined && values[property.requires] === undefined)
        addError(errors, at(property.requires), `missing property required by '${at(key)}'`)
    } else if (!additional)
      addError(errors, at(key), 'property is not defined in schema and the schema does not allow additional properties')
  }
}

/** One value; returns it as it goes on: array rules of PVE's legacy list handling applied. */
function checkValue(path: string, property: Property, given: unknown, errors: Errors): unknown {
  let value = given
  const isList = property.type === 'string' && typeof property.format === 'string' && property.format.endsWith('-list')
  if (Array.isArray(value) && isList) value = value.join(',')
  if (property.type === 'array' && !Array.isArray(value) && typeof value !== 'object') value = [value]
  if (!hasType(path, property.type, value, errors)) return value
  if (Array.isArray(value)) {
    const items = property.items
    return items ? value.map((x, i) => checkValue(`${path}[${i}]`, items, x, errors)) : value
  }
  if (typeof value === 'object') return value
  checkScalar(path, property, typeof value === 'boolean' ? (value ? '1' : '0') : textOf(value), errors)
  return value
}

function hasType(path: string, type: string | undefined, value: unknown, errors: Errors): boolean {
  const fail = (got?: string) => {
    addError(errors, path, `type check ('${type}') failed${got === undefined ? '' : ` - got ${got}`}`)
    return false
  }
  if (type === undefined || type === 'any') return true
  if (type === 'array') return Array.isArray(value) || fail()
  if (type === 'object') return (typeof value === 'object' && !Array.isArray(value)) || fail()
  if (Array.isArray(value)) return fail('ARRAY')
  if (typeof value === 'boolean') return type === 'boolean' || fail('JSON::PP::Boolean')
  if (typeof value === 'object') return fail('HASH')
  const text = textOf(value)
  if (type === 'integer') return integerText.test(text) || fail(`'${text}'`)
  if (type === 'number') return numberText.test(text) || fail(`'${text}'`)
  if (type === 'boolean') return text === '1' || text === '0' || fail(`'${text}'`)
  return true
}

function checkScalar(path: string, property: Property, text: string, errors: Errors): void {
  if (property.format !== undefined) {
    try {
      const object = typeof property.format === 'object' ? property.format : namedObjects[property.format]
      if (object) {
        const parts = parsePropertyString(object, text, path)
        if (property.format === 'pve-vm-cpu-conf') checkCpu(parts)
      } else if (typeof property.format === 'string') checkNamed(property.format, text)
    } catch (fault) {
      if (!(fault instanceof FormatError)) throw fault
      addError(errors, path, `invalid format - ${fault.message}`)
      return
    }
  }
  const wrong = limitFault(property, text)
  if (wrong !== undefined) addError(errors, path, wrong)
}

/** A guest's CPU has a type that exists, and only flags that are safe (PVE::QemuServer::CPUConfig validate_vm_cpu_conf). */
function checkCpu(cpu: Readonly<Record<string, string>>): void {
  if (!cpu['cputype']) throw new FormatError('CPU is missing cputype\n')
  checkNamed('pve-cputype', cpu['cputype'])
  const isKnown = (cpu['flags'] ?? '').split(';').every((flag) => flag === '' || cpuFlags.includes(flag.slice(1)))
  if (!isKnown) throw new FormatError(`VM-specific CPU flags must be a subset of: ${cpuFlags.join(', ')}\n`)
  if (cpu['reported-model'] !== undefined) throw new FormatError("Property 'reported-model' not allowed in VM-specific CPU config.\n")
}

function limitFault(property: Property, text: string): string | undefined {
  if (property.pattern !== undefined && !patternOf(property.pattern).test(text)) return 'value does not match the regex pattern'
  if (property.maxLength !== undefined && text.length > property.maxLength) return `value may only be ${property.maxLength} characters long`
  if (property.minLength !== undefined && text.length < property.minLength)
    return `value must be at least ${property.minLength} characters long`
  if (numberText.test(text)) {
    if (property.maximum !== undefined && Number(text) > property.maximum) return `value must have a maximum value of ${property.maximum}`
    if (property.minimum !== undefined && Number(text) < property.minimum) return `value must have a minimum value of ${property.minimum}`
  }
  if (property.enum && !property.enum.some((e) => String(e) === text))
    return `value '${text}' does not have a value in the enumeration '${property.enum.join(', ')}'`
  return undefined
}

/** Splits and judges a property string; the error text is PVE's `format error` list. */
export function parsePropertyString(format: Readonly<Record<string, Property>>, text: string, path: string): Record<string, string> {
  const result: Record<string, string> = splitPropertyString(format, text)
  const errors: Errors = {}
  checkObject(path, format, result, false, errors)
  const bad = Object.entries(errors)
  if (bad.length > 0) throw new FormatError(`format error\n${bad.map(([key, message]) => `${key}: ${message}\n`).join('')}`)
  return result
}
