import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, pick, plain, type Json, type JsonObject } from './json.ts'
import { upidPattern } from './mask.ts'
import type { Answer, Condition, Exchange, Step, TaskEnd } from './recording.ts'
import type { Request, Wire } from './wire.ts'

export interface Player {
  wire: Wire
  /** Carries out a precondition; false when it could not. */
  hook(op: string, args: string[]): Promise<boolean>
  /** Waits are divided by it, as the server's durations are. */
  speed: number
}

type Names = Record<string, Json>

/** Runs a scenario's steps one after another; `names` holds what was captured so far. */
export async function* play(player: Player, steps: readonly Step[]): AsyncGenerator<{ exchange: Exchange; names: Names }> {
  const names: Names = {}
  for (const step of steps) yield { exchange: await playStep(player, step, names), names }
}

async function playStep(player: Player, step: Step, names: Names): Promise<Exchange> {
  const exchange: Exchange = { id: step.id, note: step.note ?? '' }
  if (step.hook !== undefined) {
    const [op = '', ...args] = (substitute(step.hook, names) as Json[]).map(String)
    return { ...exchange, hook: step.hook, done: await player.hook(op, args) }
  }
  if (step.sleep_s !== undefined) await sleep((step.sleep_s * 1000) / player.speed)
  if (step.await !== undefined) {
    exchange.await = step.await
    exchange.task = await endOf(player, plain(substitute(step.await, names)), step)
    return exchange
  }
  exchange.request = requestOf(step) as unknown as JsonObject
  const request = substitute(exchange.request, names) as unknown as Request
  const ask = (): Promise<Answer> => player.wire.call(step.as ?? 'root', request)
  if (step.series !== undefined) await takeSeries(player, step, ask, exchange)
  else await takeAnswer(player, step, ask, exchange, names)
  return exchange
}

function requestOf(step: Step): Request {
  const { method, path, params, body, raw, contentType, headers, authorization } = step
  const all = { method, path, params, body, raw, contentType, headers, authorization }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Request
}

async function takeSeries(player: Player, step: Step, ask: () => Promise<Answer>, exchange: Exchange): Promise<void> {
  const { count = 0, every_s: every = 1 } = step.series ?? {}
  const begin = performance.now()
  exchange.samples = []
  for (let index = 0; index < count; index += 1) {
    await sleep(Math.max(0, begin + (index * every * 1000) / player.speed - performance.now()))
    const { status, json } = await ask()
    const kept = filtered(json, step.only)
    exchange.samples.push({ t: (performance.now() - begin) / 1000, status, ...(kept === undefined ? {} : { json: kept }) })
  }
}

async function takeAnswer(player: Player, step: Step, ask: () => Promise<Answer>, exchange: Exchange, names: Names): Promise<void> {
  const answer = step.poll === undefined ? await ask() : await polled(player, step.poll, ask)
  if (answer.json !== undefined) answer.json = filtered(answer.json, step.only) ?? null
  exchange.response = answer
  for (const [name, path] of Object.entries(step.capture ?? {})) {
    names[name] = pick(answer.json, path) ?? null
    exchange.captured = { ...exchange.captured, [name]: names[name] }
  }
  const data = isObject(answer.json) ? answer.json['data'] : undefined
  if (step.wait === 'task' && typeof data === 'string' && data.startsWith('UPID:')) exchange.task = await endOf(player, data, step)
}

async function polled(player: Player, poll: NonNullable<Step['poll']>, ask: () => Promise<Answer>): Promise<Answer> {
  const end = performance.now() + (poll.timeout_s ?? 30) * 1000
  let answer = await ask()
  while (!holds(poll.until, answer) && performance.now() < end) {
    await sleep(((poll.every_s ?? 0.5) * 1000) / player.speed)
    answer = await ask()
  }
  if (!holds(poll.until, answer)) answer.pollFailed = true
  return answer
}

function holds(condition: Condition, answer: Answer): boolean {
  if (condition.status !== undefined && answer.status !== condition.status) return false
  if (condition.path === undefined) return true
  const value = pick(answer.json, condition.path) ?? null
  if (condition.equals !== undefined && value !== condition.equals) return false
  if (condition.exists !== undefined && (value !== null) !== condition.exists) return false
  return condition.matches === undefined || new RegExp(condition.matches).test(textOf(value))
}

/** Polls a task to its end and reads its log, cut in the middle when it is long. */
async function endOf(player: Player, upid: string, step: Step): Promise<TaskEnd | null> {
  const match = new RegExp(`^${upidPattern.source}$`).exec(upid)
  if (match === null) return null
  const [, node = '', type = '', id = '', user = ''] = match
  const base = `/nodes/${node}/tasks/${encodeURIComponent(upid)}`
  const read = async (path: string, params?: Json): Promise<Json | undefined> => {
    const { json } = await player.wire.call(step.as ?? 'root', { method: 'GET', path, ...(params === undefined ? {} : { params }) })
    return isObject(json) ? json['data'] : undefined
  }
  const deadline = performance.now() + (step.timeout_s ?? 120) * 1000
  let status: Json | undefined
  for (let pauseMs = 100 / player.speed; performance.now() < deadline; pauseMs = Math.min(500, pauseMs * 1.3)) {
    status = await read(`${base}/status`)
    if (isObject(status) && status['status'] === 'stopped') break
    await sleep(pauseMs)
  }
  const log = await read(`${base}/log`, { limit: 0 })
  const lines = Array.isArray(log) ? log.map((line) => (isObject(line) ? plain(line['t'] ?? '') : '')) : []
  const state = isObject(status) ? status : {}
  const exitstatus = state['exitstatus']
  return {
    exitstatus: exitstatus === undefined ? `TIMEOUT (still ${plain(state['status'] ?? 'None')})` : plain(exitstatus),
    type,
    id,
    user,
    log: lines.length <= 40 ? lines : [...lines.slice(0, 20), `... ${lines.length - 40} lines ...`, ...lines.slice(-20)],
  }
}

/** `only` keeps the members of data[] that match: for lists shared with other things. */
function filtered(document: Json | undefined, only: Step['only']): Json | undefined {
  if (only === undefined || !isObject(document) || !Array.isArray(document['data'])) return document
  const matches = (item: Json): boolean =>
    Object.entries(only).every(([key, value]) => {
      const found = isObject(item) ? (item[key] ?? null) : null
      return Array.isArray(value) ? value.includes(found) : value === found
    })
  return { ...document, data: document['data'].filter(matches) }
}

/** The recorder was written in Python: what was not there is `None`. */
const textOf = (value: Json | undefined): string => (value === null || value === undefined ? 'None' : plain(value))

/** Puts captured values in: a text that is nothing but `{{name}}` becomes the value itself. */
function substitute(value: Json, names: Names): Json {
  if (typeof value === 'string') {
    const whole = /^\{\{(\w+)\}\}$/.exec(value)?.[1]
    if (whole !== undefined && whole in names) return names[whole] ?? null
    return value.replace(/\{\{(\w+)\}\}/g, (all, name: string) => (name in names ? textOf(names[name]) : all))
  }
  if (Array.isArray(value)) return value.map((item) => substitute(item, names))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substitute(item, names)]))
}
