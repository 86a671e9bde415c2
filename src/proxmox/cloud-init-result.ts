/** What cloud-init leaves in the guest when it has finished (cloud-init, `/run/cloud-init/result.json`; pure). */
import { type Row, rowOf } from './fields.ts'

/** Rewritten at each start of the guest. */
export const cloudInitResultFile = '/run/cloud-init/result.json'

const mostErrors = 8
const mostCharacters = 300

/** Its errors, each on one line; none: it ended well. Undefined: that is no result. */
export function cloudInitErrorsIn(content: string): string[] | undefined {
  let result: Row
  try {
    result = rowOf(rowOf(JSON.parse(content))['v1'])
  } catch {
    return undefined
  }
  const { errors } = result
  if (!Array.isArray(errors)) return undefined
  return errors.slice(0, mostErrors).map((error) => String(error).replace(/\s+/g, ' ').trim().slice(0, mostCharacters))
}
