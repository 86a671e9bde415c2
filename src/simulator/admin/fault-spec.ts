// Reads one scripted fault: which requests it meets and what it does to them.
import type { FaultPlan, TaskFault } from '../contracts.ts'
import { BadRequest, objectOf, oneOf, onlyKeys, optionalFlag, optionalNumber, optionalText } from './bad-request.ts'
import { type Outage, outageFields, readOutage } from './outage-spec.ts'

export interface FaultSpec {
  id: string
  /** Absent: the outage takes place at once. */
  route?: RoutePattern
  match: { vmid?: number; node?: string; token?: string; params: Record<string, string> }
  /** How many requests it hits. */
  times: number
  /** How many matching requests it lets pass first. */
  after: number
  plan: FaultPlan
  outage: Outage | undefined
  /** As it was sent, for the listing. */
  given: Record<string, unknown>
}

export interface RoutePattern {
  method: string
  segments: string[]
}

const planFields = 'delayMs drop status reason message errors when beginAfterMs task secondTask'.split(' ')
const fields = ['id', 'route', 'match', 'times', 'after', ...planFields, ...outageFields, 'forMs', 'meanwhile']

const example = `for example {"route": "POST /nodes/{node}/qemu/{vmid}/clone", "drop": "after"}`

/** Reads one fault; a BadRequest says what is wrong with it. */
export function readFault(value: unknown, fallbackId: string): FaultSpec {
  const given = objectOf(value, 'a fault')
  onlyKeys(given, fields, 'a fault')
  const id = optionalText(given['id'], "the fault's id") ?? fallbackId
  const what = `fault '${id}'`
  const route = readRoute(given['route'], what)
  const plan = readPlan(given, what)
  const outage = readOutage(given, what)
  if (Object.keys(plan).length === 0 && outage === undefined) {
    throw new BadRequest(
      `${what} does nothing: give it delayMs, drop, status, beginAfterMs, task, secondTask, ${outageFields.slice(0, -1).join(', ')} or ${outageFields.at(-1)}, ${example}`,
    )
  }
  if (route === undefined && Object.keys(plan).length > 0) throw new BadRequest(`${what} needs a route, ${example}`)
  return { id, ...(route ? { route } : {}), match: readMatch(given['match'], what), ...readCounts(given, what), plan, outage, given }
}

function readCounts(given: Record<string, unknown>, what: string): { times: number; after: number } {
  const times = given['times'] === 'always' ? Number.POSITIVE_INFINITY : (optionalNumber(given['times'], `times of ${what}`, 1) ?? 1)
  return { times, after: optionalNumber(given['after'], `after of ${what}`) ?? 0 }
}

/** `POST /nodes/{node}/qemu/{vmid}/clone`, or with `*` for the method or for any one part of the path. */
function readRoute(value: unknown, what: string): RoutePattern | undefined {
  const text = optionalText(value, `route of ${what}`)
  if (text === undefined) return undefined
  const match = /^(GET|POST|PUT|DELETE|\*) (\/\S*)$/.exec(text)
  if (match === null)
    throw new BadRequest(
      `route of ${what} must be a method and a path without /api2/json, ${example}; '*' stands for any method or path part`,
    )
  const [, method = '', path = ''] = match
  if (path.startsWith('/api2')) throw new BadRequest(`route of ${what}: leave /api2/json away, ${example}`)
  return { method, segments: path.split('/').filter(Boolean) }
}

function readMatch(value: unknown, what: string): FaultSpec['match'] {
  if (value === undefined) return { params: {} }
  const match = objectOf(value, `match of ${what}`)
  onlyKeys(match, ['vmid', 'node', 'token', 'params'], `match of ${what}`)
  const params = match['params'] === undefined ? {} : objectOf(match['params'], `match.params of ${what}`)
  const vmid = optionalNumber(match['vmid'], `match.vmid of ${what}`, 1)
  const node = optionalText(match['node'], `match.node of ${what}`)
  const token = optionalText(match['token'], `match.token of ${what}`)
  return {
    ...(vmid === undefined ? {} : { vmid }),
    ...(node === undefined ? {} : { node }),
    ...(token === undefined ? {} : { token }),
    params: Object.fromEntries(Object.entries(params).map(([key, wanted]) => [key, String(wanted)])),
  }
}

function readPlan(given: Record<string, unknown>, what: string): FaultPlan {
  const plan: FaultPlan = {}
  const delayMs = optionalNumber(given['delayMs'], `delayMs of ${what}`)
  if (delayMs !== undefined) plan.delayMs = delayMs
  if (given['drop'] !== undefined) plan.drop = oneOf(given['drop'], ['before', 'after'], `drop of ${what} (before or after the effect)`)
  const answer = readAnswer(given, what)
  if (answer !== undefined) plan.answer = answer
  if (plan.drop !== undefined && answer !== undefined)
    throw new BadRequest(`${what} cannot drop the answer and give one: leave drop or status away`)
  if (given['task'] !== undefined) plan.task = readTask(given['task'], `task of ${what}`)
  if (given['secondTask'] !== undefined) plan.secondTask = readTask(given['secondTask'], `secondTask of ${what}`)
  readLateBegin(given, what, plan)
  return plan
}

/** The work begins later than the answer goes out: in the task if the answer is given, else as a whole. */
function readLateBegin(given: Record<string, unknown>, what: string, plan: FaultPlan): void {
  const beginAfterMs = optionalNumber(given['beginAfterMs'], `beginAfterMs of ${what}`, 1)
  if (beginAfterMs === undefined) return
  if (plan.drop === 'before' || plan.answer?.when === 'before')
    throw new BadRequest(`beginAfterMs of ${what} goes with drop: "after" or when: "after": with "before" nothing begins at all`)
  if (plan.drop === undefined && plan.answer === undefined) plan.task = { ...plan.task, beginAfterMs }
  else plan.beginAfterMs = beginAfterMs
}

function readAnswer(given: Record<string, unknown>, what: string): FaultPlan['answer'] {
  const status = optionalNumber(given['status'], `status of ${what}`, 200)
  const needing = ['reason', 'message', 'errors', 'when'].find((key) => given[key] !== undefined)
  if (status === undefined) {
    if (needing !== undefined)
      throw new BadRequest(`${what} has ${needing} but no status, for example {"status": 500, "reason": "got timeout"}`)
    return undefined
  }
  if (!Number.isInteger(status) || status > 599) throw new BadRequest(`status of ${what} must be a whole number from 200 to 599`)
  const reason = optionalText(given['reason'], `reason of ${what}`) ?? (status === 400 ? 'Parameter verification failed.' : '')
  if (reason === '') throw new BadRequest(`${what} needs a reason beside its status: PVE puts its text into the reason phrase`)
  const message = optionalText(given['message'], `message of ${what}`)
  const errors = given['errors'] === undefined ? undefined : objectOf(given['errors'], `errors of ${what}`)
  return {
    when: given['when'] === undefined ? 'before' : oneOf(given['when'], ['before', 'after'], `when of ${what}`),
    status,
    reason,
    ...(message === undefined ? {} : { message }),
    ...(errors === undefined ? {} : { errors: Object.fromEntries(Object.entries(errors).map(([key, text]) => [key, String(text)])) }),
    // What the proxy and the login send has no body.
    ...(status === 401 || status >= 595 ? { emptyBody: true } : {}),
  }
}

function readTask(value: unknown, what: string): TaskFault {
  const task = objectOf(value, what)
  onlyKeys(task, ['exitstatus', 'before', 'warnings', 'kill', 'extraMs', 'noEffect'], what)
  const exitstatus = optionalText(task['exitstatus'], `exitstatus of ${what}`)
  const before = optionalFlag(task['before'], `before of ${what}`)
  const warn = optionalNumber(task['warnings'], `warnings of ${what}`, 1)
  const kill = optionalFlag(task['kill'], `kill of ${what}`)
  const extraMs = optionalNumber(task['extraMs'], `extraMs of ${what}`)
  const noEffect = optionalFlag(task['noEffect'], `noEffect of ${what}`)
  if ([exitstatus, warn, kill, extraMs, noEffect].every((field) => field === undefined)) {
    throw new BadRequest(`${what} needs exitstatus (the text it fails with), warnings, kill, extraMs or noEffect`)
  }
  return {
    ...(exitstatus === undefined ? {} : before === true ? { fail: exitstatus } : { failAfter: exitstatus }),
    ...(warn === undefined ? {} : { warn }),
    ...(kill === undefined ? {} : { kill }),
    ...(extraMs === undefined ? {} : { extraMs }),
    ...(noEffect === undefined ? {} : { noEffect }),
  }
}
