import { KubeError } from '../kube/kube-error.ts'

/** A fault as one sentence for people: what the API server said, without the wrapping of clients and of admission. */
export function sentenceOf(fault: unknown): string {
  if (!(fault instanceof KubeError)) return fault instanceof Error ? fault.message : String(fault)
  const said = fault.message.replace(/^[A-Z]+ \/\S*: /, '')
  if (fault.status === 0) return `the API server does not answer: ${said}`
  if (fault.status === 401) return 'the API server rejects your credentials (401): log in again, or check the user in your kubeconfig'
  if (fault.status === 404 && /could not find the requested resource|page not found/i.test(said))
    return 'this cluster does not serve pve.hosting/v1alpha1: pve-operator is not installed, or too old'
  if (/metadata\.uid: Invalid value|UID in precondition/.test(said))
    return 'the object was deleted meanwhile, and another one has its name now; nothing was written. Look at that one, then repeat the command'
  return denial(said) ?? conflict(fault) ?? said
}

/** `… denied request: <our own sentence>`: the policy's words are the reason. */
const denial = (said: string) => /denied request: (.*)$/s.exec(said)?.[1]

/** Server-side apply names who holds each field. */
function conflict(fault: KubeError): string | undefined {
  const { causes = [] } = (fault.details ?? {}) as { causes?: { reason?: string; message?: string; field?: string }[] }
  const held = causes.filter((cause) => cause.reason === 'FieldManagerConflict')
  if (held.length === 0) return undefined
  const fields = held.map(({ field, message }) => `${field?.replace(/^\./, '')} (${message?.replace(/^conflict with /, 'held by ')})`)
  return `another writer owns ${fields.join(', ')}; --force takes the field over, but the other writer may change it back`
}
