/** The text in PVE by which a VM is known as ours: two lines of its description, printed and read (pure). */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'

/** The tag every VM of ours carries, so that PVE's own tree can be filtered by it. */
export const ownTag = 'pve-operator'

/** `pve.hosting/owner uid=… vmid=…`: a restored backup or an admin's clone copies the text, but not the number. This line never changes. */
export const markOf = (uid: string, vmid: number) => `pve.hosting/owner uid=${uid} vmid=${vmid}`

/** The second line: what is known of the owner when Kubernetes is not there to be asked. A VM without it is ours all the same. */
export interface ObjectLine {
  /** uid of the namespace kube-system of the Kubernetes cluster. */
  readonly installation: string
  /** Name of the ProxmoxCluster. */
  readonly cluster: string
  readonly namespace: string
  readonly name: string
  /** Request IDs (reinstall, restore) that were carried out, oldest first. */
  readonly done: readonly string[]
}

/** The first line, read back, with the second where there is one. */
export interface Mark {
  readonly uid: string
  readonly vmid: number
  readonly object?: ObjectLine
}

const ownerPattern = /^pve\.hosting\/owner uid=(\S+) vmid=(\d+)$/
const objectStart = 'pve.hosting/object '

const mostDone = 20
/** PVE takes 8192 characters for a description; the rest is for people. */
const longestDone = 2048

/** Both lists, the older first, without repetitions; the last 20. */
export const unionOfDone = (older: readonly string[], newer: readonly string[]): string[] =>
  [...older.filter((id) => !newer.includes(id)), ...newer].slice(-mostDone)

/** `pve.hosting/object installation=… cluster=… <namespace>/<name> done=…`; request IDs are percent-encoded, since they may hold anything. */
export function printObjectLine({ installation, cluster, namespace, name, done }: ObjectLine): string {
  const ids = done.slice(-mostDone).map((id) => encodeURIComponent(id.toWellFormed()))
  while (ids.join(',').length > longestDone) ids.shift()
  return `${objectStart}installation=${installation} cluster=${cluster} ${namespace}/${name} done=${ids.join(',')}`
}

/** Tolerant: unknown words are skipped, a line that lacks what names the object counts as none. */
function parseObjectLine(line: string): ObjectLine | undefined {
  const words = line.slice(objectStart.length).split(/\s+/).filter(Boolean)
  const valueOf = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1)
  const [, namespace, name] = words.map((word) => /^([^=/]+)\/([^=/]+)$/.exec(word)).find((found) => found !== null) ?? []
  const [installation, cluster] = [valueOf('installation'), valueOf('cluster')]
  if (!installation || !cluster || namespace === undefined || name === undefined) return undefined
  const done = (valueOf('done') ?? '').split(',').filter(Boolean).map(decoded)
  return { installation, cluster, namespace, name, done }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const linesOf = (description: string | undefined) => (description ?? '').split('\n').map((line) => line.trim())

/** The mark in a description; undefined: it carries none. */
export function parseMark(description: string | undefined): Mark | undefined {
  const lines = linesOf(description)
  const [, uid, vmid] = lines.map((line) => ownerPattern.exec(line)).find((found) => found !== null) ?? []
  if (uid === undefined || vmid === undefined) return undefined
  const line = lines.find((one) => one.startsWith(objectStart))
  const object = line === undefined ? undefined : parseObjectLine(line)
  return { uid, vmid: Number(vmid), ...(object && { object }) }
}

/** What an admin reads beside the VM in PVE. */
export const descriptionOf = (vm: ProxmoxVM, mark: string, objectLine: string) =>
  [
    mark,
    objectLine,
    `ProxmoxVM ${vm.metadata.namespace}/${vm.metadata.name}, managed by pve-operator: change the object, not the VM.`,
  ].join('\n')

/** True when `description` has our mark on a line of its own. */
export const carriesMark = (description: string | undefined, mark: string) => linesOf(description).includes(mark)

/** The description with these two lines in place of those it has, on top; what people wrote stays as it is. */
export function withMark(description: string | undefined, mark: string, objectLine: string): string {
  const isOurs = (line: string) => ownerPattern.test(line.trim()) || line.trim().startsWith(objectStart)
  const others = (description ?? '').split('\n').filter((line) => !isOurs(line))
  return [mark, objectLine, ...others].join('\n').trimEnd()
}

/**
 * The description that is due when something else is written anyway: our mark is there and its second line is not, or is another one.
 * Request IDs that only the description knows stay. Undefined: nothing is due.
 */
export function refreshedDescription(description: string | undefined, mark: string, object: ObjectLine): string | undefined {
  if (!carriesMark(description, mark)) return undefined
  const done = unionOfDone(parseMark(description)?.object?.done ?? [], object.done)
  const next = withMark(description, mark, printObjectLine({ ...object, done }))
  return sameText(next, description ?? '') ? undefined : next
}

/** PVE strips blanks at the ends of lines and of the text when it stores a description. */
const sameText = (a: string, b: string) => linesOf(a.trim()).join('\n') === linesOf(b.trim()).join('\n')

/** Starts the comment of every rule of ours; what follows is the rule's name. */
export const ruleMarker = 'pve.hosting/rule='

/** The name of a rule of ours, from its comment; undefined for a foreign rule. */
export function ruleName(comment: string | undefined): string | undefined {
  return comment?.startsWith(ruleMarker) ? comment.slice(ruleMarker.length).split(' ')[0] : undefined
}
