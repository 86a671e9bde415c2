/** VMPackages by name, before anything is written. */
import { vmPackages } from '../api/meta.ts'
import type { VMPackage } from '../api/vmpackage.ts'
import { isForbidden } from './forbidden.ts'
import type { Session } from './session.ts'
import { PluginRefusal } from './shell.ts'

/** Of the names in a sentence: more would hide what it says. */
const mostNames = 20

/** The VMPackage; undefined: the caller may not read it, and the operator judges alone. Throws a refusal with the names there are when it is not there. */
export async function knownPackage({ client }: Session, name: string, subject: string): Promise<VMPackage | undefined> {
  try {
    const found = await client.get(vmPackages, { name })
    if (found) return found
    const names = (await client.list(vmPackages)).map(({ metadata }) => metadata.name).toSorted()
    const shown = names.length > mostNames ? [...names.slice(0, mostNames), `${names.length - mostNames} more`] : names
    const there = shown.length > 0 ? `there are ${shown.join(', ')}` : 'no VMPackage exists'
    throw new PluginRefusal(`${subject}: VMPackage "${name}" does not exist; ${there}. Nothing was written.`)
  } catch (fault) {
    if (isForbidden(fault)) return undefined
    throw fault
  }
}
