import { paramError } from '../http/refusal.ts'
import { Envelope, flag, int, PlainText, str, type Call, type Route } from '../routes.ts'
import type { Task } from './table.ts'
import { parseUpid, type UpidParts } from './upid.ts'

/** How many lines and list entries are returned unless asked otherwise. */
const defaultLimit = 50
/** Finished tasks each node publishes for the cluster's list. */
const publishedTasks = 25
/** A stopped worker gets this long before it is killed. */
const killAfterMs = 5000

/** A task of a token belongs to its user too; a token sees only its own. */
function isOwn(call: Call, task: UpidParts): boolean {
  return task.user === call.user.id || (call.user.token === undefined && task.user.startsWith(`${call.user.user}!`))
}

/** `user` and `tokenid`, as finished tasks and status answers have them. */
function owner(task: UpidParts): { user: string; tokenid?: string } {
  const [user = '', tokenid] = task.user.split('!')
  return { user, ...(tokenid === undefined ? {} : { tokenid }) }
}

function facts(task: Task): Record<string, unknown> {
  const { upid, node, pid, pstart, starttime, type, id } = task
  return { upid, node, pid, pstart, starttime, type, id }
}

const isRunning = (task: Task): boolean => task.endtime === undefined

/** A running task is listed with its whole user and `saved`, a finished one split and with its outcome (recording 38). */
function row(task: Task): Record<string, unknown> {
  if (isRunning(task)) return { ...facts(task), user: task.user, saved: '0', status: 'RUNNING' }
  return { ...facts(task), ...owner(task), endtime: task.endtime, status: task.exitstatus }
}

function statusKind(task: Task): string {
  const status = task.exitstatus ?? ''
  if (status === 'OK') return 'ok'
  if (status.startsWith('WARNINGS: ')) return 'warning'
  return status === 'unexpected status' || status === '' ? 'unknown' : 'error'
}

function matcher(call: Call): (task: Task) => boolean {
  const source = str(call, 'source') ?? 'archive'
  const [type, user, statuses] = [str(call, 'typefilter'), str(call, 'userfilter'), str(call, 'statusfilter')]
  const [vmid, since, until] = [int(call, 'vmid'), int(call, 'since'), int(call, 'until')]
  const seesAll = call.world.access.has(call.user, `/nodes/${call.node}`, 'Sys.Audit')
  const wanted = statuses?.split(/[,;\s]+/)
  return (task) =>
    (seesAll || isOwn(call, task)) &&
    (source === 'all' || (source === 'active') === isRunning(task)) &&
    (type === undefined || task.type === type) &&
    (user === undefined || task.user.includes(user)) &&
    (vmid === undefined || task.id === String(vmid)) &&
    (since === undefined || task.starttime >= since) &&
    (until === undefined || task.starttime <= until) &&
    (!flag(call, 'errors') || isRunning(task) || statusKind(task) !== 'ok') &&
    (wanted === undefined || wanted.includes(statusKind(task)))
}

/** Running ones first, then the newest end first, as the node's index file is read backwards. */
function newestFirst(a: Task, b: Task): number {
  return (b.endtime ?? Number.POSITIVE_INFINITY) - (a.endtime ?? Number.POSITIVE_INFINITY) || b.starttime - a.starttime
}

function listTasks(call: Call): unknown {
  const found = call.world.tasks.onNode(call.node).filter(matcher(call)).toReversed().toSorted(newestFirst)
  const start = int(call, 'start') ?? 0
  const rows = found.slice(start, start + (int(call, 'limit') ?? defaultLimit)).map(row)
  return found.length === 0 ? rows : new Envelope(rows, { total: found.length })
}

function partsOf(call: Call): UpidParts {
  const parts = parseUpid(str(call, 'upid') ?? '')
  if (parts === undefined) throw paramError({ upid: 'unable to parse worker upid' })
  return parts
}

function taskOf(call: Call): Task {
  partsOf(call)
  const task = call.world.tasks.get(str(call, 'upid') ?? '')
  if (task === undefined || task.node !== call.node) throw paramError({ upid: 'no such task' })
  return task
}

function readStatus(call: Call): Record<string, unknown> {
  const task = taskOf(call)
  if (!isOwn(call, task)) call.check(`/nodes/${call.node}`, ['Sys.Audit'])
  const state = isRunning(task) ? { status: 'running' } : { status: 'stopped', exitstatus: task.exitstatus }
  return { ...facts(task), ...owner(task), ...state }
}

function readLog(call: Call): unknown {
  const parts = partsOf(call)
  if (!isOwn(call, parts)) call.check(`/nodes/${call.node}`, ['Sys.Audit'])
  const task = call.world.tasks.get(str(call, 'upid') ?? '')
  const all = task === undefined ? ['unable to open file - No such file or directory'] : task.log.length === 0 ? ['no content'] : task.log
  if (flag(call, 'download')) return new PlainText(`${all.join('\n')}\n`)
  const start = int(call, 'start') ?? 0
  const limit = int(call, 'limit') ?? defaultLimit
  const lines = all.slice(start, limit === 0 ? undefined : start + limit)
  return new Envelope(
    lines.map((t, index) => ({ n: start + index + 1, t })),
    { total: all.length },
  )
}

/** SIGTERM, after 5 s SIGKILL; the call waits for the end. A task that is over is no error. */
async function stopTask(call: Call): Promise<null> {
  const task = taskOf(call)
  if (!isOwn(call, task)) call.check(`/nodes/${call.node}`, ['Sys.Modify'])
  if (!isRunning(task)) return null
  const { tasks, clock } = call.world
  tasks.interrupt(task.upid)
  const cancel = clock.after(killAfterMs, () => tasks.kill(task.upid))
  await task.done
  cancel()
  return null
}

/** What the nodes publish: all running tasks and the last finished ones. A token without Sys.Audit on / sees none (its user is compared). */
function clusterTasks(call: Call): Record<string, unknown>[] {
  const { world, user } = call
  const seesAll = world.access.has(user, '/', 'Sys.Audit')
  return [...world.nodes.keys()].flatMap((node) => {
    const all = world.tasks.onNode(node).toReversed().toSorted(newestFirst)
    const running = all.filter(isRunning)
    const finished = all.filter((task) => !isRunning(task)).slice(0, publishedTasks)
    const newest = running.length === 0 ? finished[0] : undefined
    return [...running, ...finished]
      .filter((task) => seesAll || owner(task).user === user.id)
      .map((task) => published(task, task === newest))
  })
}

function published(task: Task, isNewest: boolean): Record<string, unknown> {
  const { upid, node, type, id, starttime } = task
  const base = { upid, node, type, id, starttime, ...owner(task) }
  if (isRunning(task)) return { ...base, saved: '0' }
  // The entry of this very update is still a number, older ones were read back from the file as text (recording 38).
  return { ...base, saved: isNewest ? 1 : '1', endtime: task.endtime, status: task.exitstatus }
}

export const taskRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/{node}/tasks', handler: listTasks },
  { method: 'GET', path: '/nodes/{node}/tasks/{upid}', handler: () => [{ name: 'log' }, { name: 'status' }] },
  { method: 'DELETE', path: '/nodes/{node}/tasks/{upid}', handler: stopTask },
  { method: 'GET', path: '/nodes/{node}/tasks/{upid}/status', handler: readStatus },
  { method: 'GET', path: '/nodes/{node}/tasks/{upid}/log', handler: readLog },
  { method: 'GET', path: '/cluster/tasks', handler: clusterTasks },
]
