import { differences } from './diff.ts'
import { plain, short, type Json } from './json.ts'
import { maskText, normal, type OwnNames } from './mask.ts'
import type { Answer, Exchange, TaskEnd } from './recording.ts'

interface Side {
  exchange: Exchange
  own: OwnNames
}

/** What differs between the recorded exchange and the one made now; empty = reproduced. */
export function compareExchange(recorded: Side, now: Side): string[] {
  const a = recorded.exchange
  const path = plain(a.request?.['path'] ?? '').split('?')[0] ?? ''
  if (a.samples !== undefined) return compareSeries(recorded, now, path)
  const ignore = new Set(a.ignore ?? [])
  const response = a.response === undefined ? [] : compareAnswers(a, now.exchange.response, path, ignore, recorded.own, now.own)
  return [...response, ...compareTasks(a, now.exchange.task ?? undefined, ignore, recorded.own, now.own)]
}

/** The sequence of distinct states: the phase of a tick is random, so one may be a suffix of the other. */
function compareSeries(recorded: Side, now: Side, path: string): string[] {
  const a = states(recorded, path)
  const b = states(now, path)
  const count = Math.min(a.length, b.length)
  if (count > 0 && differences(a.slice(-count), b.slice(-count), path).length === 0) return []
  return [`series: ${a.length} states ${short(a)} != ${b.length} states ${short(b)}`]
}

function states({ exchange, own }: Side, path: string): Json[] {
  const sequence: Json[] = []
  for (const sample of exchange.samples ?? []) {
    const state = normal({ status: sample.status, json: sample.json ?? null }, path, own)
    const last = sequence.at(-1)
    if (last === undefined || differences(last, state, path).length > 0) sequence.push(state)
  }
  return sequence
}

function compareAnswers(
  a: Exchange,
  now: Answer | undefined,
  path: string,
  ignore: ReadonlySet<string>,
  ownA: OwnNames,
  ownB: OwnNames,
): string[] {
  const was = a.response
  if (was === undefined || now === undefined) return was === now ? [] : ['no answer to compare']
  const out: string[] = []
  if (was.status !== now.status) out.push(`status: ${was.status} ${was.reason} != ${now.status} ${now.reason}`)
  else if (!ignore.has('reason') && maskText(was.reason, ownA) !== maskText(now.reason, ownB)) {
    out.push(`reason: '${was.reason}' != '${now.reason}'`)
  }
  const connection = (answer: Answer): string => (answer.connection ?? '').toLowerCase()
  if (a.compareConnection && connection(was) !== connection(now)) out.push(`connection: ${was.connection} != ${now.connection}`)
  const type = (answer: Answer): string => (answer.contentType ?? '').split(';')[0] ?? ''
  if (type(was) !== type(now)) out.push(`contentType: ${was.contentType} != ${now.contentType}`)
  if (Boolean(was.pollFailed) !== Boolean(now.pollFailed)) {
    out.push(`poll condition: recorded failed=${Boolean(was.pollFailed)}, now failed=${Boolean(now.pollFailed)}`)
  }
  return ignore.has('json') ? out : [...out, ...compareBodies(was, now, path, ignore, ownA, ownB)]
}

function compareBodies(was: Answer, now: Answer, path: string, ignore: ReadonlySet<string>, ownA: OwnNames, ownB: OwnNames): string[] {
  if ((was.json === undefined) !== (now.json === undefined)) {
    const kind = (answer: Answer): string => (answer.json === undefined ? 'text' : 'JSON')
    return [`body: ${kind(was)} != ${kind(now)} ${short(now.text ?? now.json)}`]
  }
  if (was.json !== undefined && now.json !== undefined) {
    return differences(normal(was.json, path, ownA), normal(now.json, path, ownB), path, 'json', ignore)
  }
  const [a, b] = [maskText(was.text ?? '', ownA), maskText(now.text ?? '', ownB)]
  return a === b ? [] : [`text: ${short(was.text)} != ${short(now.text)}`]
}

function compareTasks(a: Exchange, now: TaskEnd | undefined, ignore: ReadonlySet<string>, ownA: OwnNames, ownB: OwnNames): string[] {
  const was = a.task ?? undefined
  if ((was === undefined) !== (now === undefined)) return [`task: recorded ${short(taskJson(was))} != ${short(taskJson(now))}`]
  if (was === undefined || now === undefined || ignore.has('task')) return []
  const out = (['type', 'id', 'user', 'exitstatus'] as const).flatMap((key) =>
    maskText(was[key], ownA) === maskText(now[key], ownB) ? [] : [`task.${key}: '${was[key]}' != '${now[key]}'`],
  )
  const logA = was.log.map((line) => maskText(line, ownA))
  const logB = now.log.map((line) => maskText(line, ownB))
  if (a.log === 'exact') return [...out, ...differences(logA, logB, '/log', 'task.log')]
  return a.log === 'ignore' || ignore.has('log') ? out : [...out, ...compareLogs(logA, logB)]
}

/** Only the kind of the first line (two words) and the last line count. */
function compareLogs(a: string[], b: string[]): string[] {
  if (a.length > 0 !== b.length > 0 || a.at(-1) !== b.at(-1)) return [`task.log last line: ${short(a.at(-1))} != ${short(b.at(-1))}`]
  const kind = (lines: string[]): string =>
    (lines[0] ?? '')
      .replace(/\S*\d\S*/g, '#')
      .trim()
      .split(/\s+/)
      .slice(0, 2)
      .join(' ')
  return kind(a) === kind(b) ? [] : [`task.log first line: ${short(a[0])} != ${short(b[0])}`]
}

function taskJson(task: TaskEnd | undefined): Json | undefined {
  return task === undefined ? undefined : { ...task }
}
