/** What becomes of a value on its way through the config file: PVE writes it, checks its type anew and reads the file back. */
import { refuse } from '../http/refusal.ts'
import { vmOptions } from '../schema/schema.ts'

function typeFault(key: string, value: string): string | undefined {
  if (/[\n\r]/.test(value)) return 'property contains a line feed'
  const type = vmOptions[key]?.type
  const isRight = (): boolean => {
    if (type === 'boolean') return /^(?:[01]|on|yes|true|off|no|false)$/i.test(value)
    if (type === 'integer') return /^\d+$/.test(value)
    return type !== 'number' || /^\d+(?:\.\d+)?$/.test(value)
  }
  return isRight() ? undefined : `type check ('${type}') failed - got '${value}'`
}

/**
 * The value as it is read back: booleans as 0 and 1, texts without the white space and the quotes round them, a blank one as a single
 * space (PVE::QemuServer write_vm_config, parse_vm_config, check_type). Throws 500 for what the schema lets pass and the file does not.
 */
export function storedValue(key: string, value: string): string {
  if (key === 'description') return value.replace(/\s+$/, '')
  const fault = typeFault(key, value)
  if (fault !== undefined) refuse(`unable to parse value of '${key}' - ${fault}`)
  const { type, format } = vmOptions[key] ?? {}
  if (type === 'boolean') return /^(?:1|on|yes|true)$/i.test(value) ? '1' : '0'
  if (type === 'integer') return String(Number(value))
  let text = value.trim()
  while (format === undefined && /^"(.*)"$/.test(text)) text = text.slice(1, -1).trim()
  return text === '' ? ' ' : text
}
