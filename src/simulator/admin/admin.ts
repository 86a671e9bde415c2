import { BadRequest } from './bad-request.ts'
import type { Faults } from './faults.ts'
import { runHook } from './hooks.ts'
import type { RequestLog } from './requests.ts'
import type { Sim as PluggedSim } from '../running.ts'
import { vms } from './vms.ts'

export interface AdminRequest {
  method: string
  /** `/sim/faults`. */
  path: string
  query: URLSearchParams
  body: Buffer
}

export interface AdminAnswer {
  status: number
  body: unknown
}

/** The simulator with the faults and the log the admin side works on. */
export interface AdminSim extends PluggedSim {
  readonly faults: Faults
  readonly requests: RequestLog
  /** Every route it serves, to tell a mistyped one. */
  readonly routes: readonly { method: string; path: string }[]
}

type Action = (sim: AdminSim, request: AdminRequest) => unknown

const actions: Readonly<Record<string, Action>> = {
  'GET /sim/requests': (sim, { query }) => {
    const limit = query.get('limit')
    return sim.requests.report(limit === null ? undefined : Math.max(0, Number(limit) || 0))
  },
  'DELETE /sim/requests': (sim) => {
    sim.requests.reset()
    return { done: true }
  },
  'GET /sim/vms': (sim) => ({ vms: vms(sim.world) }),
  'GET /sim/firewall': (sim) => ({ files: Object.fromEntries([...sim.world.firewall].map(([key, file]) => [String(key), file])) }),
  'GET /sim/routes': (sim) => ({ routes: sim.routes.map(({ method, path }) => `${method} ${path}`) }),
  'GET /sim/faults': (sim) => ({ faults: sim.faults.list() }),
  'POST /sim/faults': (sim, { body }) => {
    const value = parsed(body)
    return { faults: sim.faults.add(Array.isArray(value) ? value : [value], sim.routes) }
  },
  'DELETE /sim/faults': (sim, { query }) => {
    sim.faults.remove(query.get('id') ?? undefined)
    return { faults: sim.faults.list() }
  },
  'POST /sim/hook': (sim, { body }) => {
    runHook(sim.world, parsed(body))
    return { done: true }
  },
  'GET /sim/ca': ({ ca = null, fingerprint = null }) => ({ ca, fingerprint }),
  'POST /sim/other-pve': (sim) => {
    sim.swap(true)
    return { done: true }
  },
  'DELETE /sim/other-pve': (sim) => {
    sim.swap(false)
    return { done: true }
  },
  'POST /sim/reset': (sim) => {
    sim.reset()
    return { done: true }
  },
}

/** Answers everything below /sim/. The caller has made sure that the request comes from this machine. */
export async function handleAdmin(request: AdminRequest, sim: AdminSim): Promise<AdminAnswer> {
  const path = request.path.replace(/\/+$/, '')
  const action = actions[`${request.method} ${path}`]
  if (action === undefined) {
    return { status: 404, body: { error: `no such admin call; there are: ${Object.keys(actions).join(', ')}` } }
  }
  try {
    return { status: 200, body: await action(sim, request) }
  } catch (fault) {
    if (!(fault instanceof BadRequest)) throw fault
    return { status: 400, body: { error: fault.message } }
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (fault) {
    throw new BadRequest(`the body must be JSON: ${(fault as Error).message}`)
  }
}
