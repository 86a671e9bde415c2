import { FormatError } from './format-error.ts'
import type { Property } from './schema.ts'

/** PVE::JSONSchema parse_boolean: the spellings of a property string. */
export function parseBoolean(text: string): string | undefined {
  if (/^(1|on|yes|true)$/i.test(text)) return '1'
  if (/^(0|off|no|false)$/i.test(text)) return '0'
  return undefined
}

/** Splits `a,key=b` by its format without judging the values; throws FormatError (PVE::JSONSchema parse_property_string). */
export function splitPropertyString(format: Readonly<Record<string, Property>>, text: string): Record<string, string> {
  const result: Record<string, string> = {}
  let usedDefault: string | undefined
  for (const part of text.split(',')) {
    if (/^\s*$/.test(part)) continue
    const pair = /^([^=]+)=(.+)$/s.exec(part)
    if (pair) {
      let key = pair[1] as string
      let value = pair[2] as string
      if (result[key] !== undefined) throw new FormatError(`duplicate key in comma-separated list property: ${key}\n`)
      let property = format[key]
      if (property?.alias !== undefined) {
        if (property.keyAlias !== undefined) {
          if (result[property.keyAlias] !== undefined) throw new FormatError(`key alias '${property.keyAlias}' is already defined\n`)
          result[property.keyAlias] = key
        }
        key = property.alias
        property = format[key]
        if (result[key] !== undefined) throw new FormatError(`key '${key}' is already defined (via alias)\n`)
      }
      if (property?.type === 'boolean') value = parseBoolean(value) ?? value
      result[key] = value
    } else if (!part.includes('=')) {
      if (usedDefault !== undefined) throw new FormatError(`duplicate key in comma-separated list property: ${usedDefault}\n`)
      usedDefault = Object.keys(format).find((key) => format[key]?.default_key)
      if (usedDefault === undefined) throw new FormatError('value without key, but schema does not define a default key\n')
      if (result[usedDefault] !== undefined) throw new FormatError(`duplicate key in comma-separated list property: ${usedDefault}\n`)
      result[usedDefault] = part
    } else throw new FormatError('missing key in comma-separated list property\n')
  }
  return result
}
