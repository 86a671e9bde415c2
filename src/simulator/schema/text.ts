/** A parameter as text. Arrays and objects, which the schema refuses where text is wanted, become JSON. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
