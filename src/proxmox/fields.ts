/**
 * Reading PVE's JSON without trusting its types: `vmid` and `memory` have been number and string in different versions,
 * booleans come as 1, "1" and absent.
 */
export type Row = Readonly<Record<string, unknown>>

export const rowsOf = (data: unknown): readonly Row[] => (Array.isArray(data) ? data.filter(isRow) : [])
export const rowOf = (data: unknown): Row => (isRow(data) ? data : {})
const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

export function text(row: Row, key: string): string | undefined {
  const value = row[key]
  if (typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : undefined
}

export function number(row: Row, key: string): number | undefined {
  const value = row[key]
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const parsed = Number(value)
  return Number.isNaN(parsed) ? undefined : parsed
}

export function flag(row: Row, key: string): boolean {
  const value = row[key]
  return value === true || value === 1 || value === '1'
}

/** PVE's lists inside one string: separated by comma, semicolon or white space. */
export const listOf = (value: string | undefined): string[] => (value ?? '').split(/[,;\s]+/).filter((item) => item !== '')
