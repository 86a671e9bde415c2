/** What backup jobs and vzdump calls have in common: who may send which option, and which exclude each other. */
import { paramError } from '../http/refusal.ts'
import type { Call } from '../routes.ts'

/** PVE::API2::Backup assert_param_permission_common. */
export function checkBackupOptions(call: Call, given: Readonly<Record<string, unknown>>): void {
  if (call.user.isRoot) return
  for (const key of ['tmpdir', 'dumpdir', 'script', 'job-id'])
    if (given[key] !== undefined) throw paramError({ [key]: 'Only root may set this option.' })
  if (['bwlimit', 'ionice', 'performance'].some((key) => given[key] !== undefined)) call.check('/', ['Sys.Modify'])
  const storage = /(?:^|,)storage=([^,]+)/.exec(typeof given['fleecing'] === 'string' ? given['fleecing'] : '')?.[1]
  if (storage !== undefined) call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
}

/** PVE::VZDump verify_vzdump_parameters; the options with `all` set where `exclude` implies it. */
export function verifyBackup<T extends Record<string, unknown>>(given: T, isComplete: boolean): T {
  const isSet = (key: string): boolean => given[key] !== undefined && given[key] !== '' && given[key] !== 0
  for (const key of ['all', 'exclude', 'pool'])
    if (isSet(key) && isSet('vmid')) throw paramError({ [key]: "option conflicts with option 'vmid'" })
  if (typeof given['notes-template'] === 'string') verifyNotes(given['notes-template'])
  const options: T = given['exclude'] !== undefined && !isSet('pool') ? { ...given, all: 1 } : given
  const names = isSet('stop') || isSet('pool') || isSet('vmid') || (options['all'] !== undefined && options['all'] !== 0)
  if (isComplete && !names) throw paramError({ vmid: 'property is missing' })
  return options
}

/** Only what PVE replaces may stand in the template of notes (PVE::VZDump $verify_notes_template). */
function verifyNotes(template: string): void {
  if (template.includes('\n')) throw paramError({ 'notes-template': 'contains a line feed\n' })
  const escapes = [...template.matchAll(/\\(.)/g)].filter(([, char]) => char !== 'n' && char !== '\\')
  const names = [...template.matchAll(/\{\{([^\s{}]+)\}\}/g)].filter(([, name = '']) => !/^(?:cluster|guestname|node|vmid)$/.test(name))
  const unknown = [
    ...escapes.map(({ index, 1: char }) => `escape sequence '\\${char}' at char ${index}`),
    ...names.map(({ index, 1: name }) => `variable '${name}' at char ${index + 4}`),
  ]
  if (unknown.length > 0) throw paramError({ 'notes-template': `found unknown: ${unknown.join(', ')}\n` })
}
