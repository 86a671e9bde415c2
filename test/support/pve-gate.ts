import type { FaultPlan, CallInfo } from '../../src/simulator/contracts.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { Agent, request } from 'undici'
import { makeTicket } from '../../src/simulator/access/authenticate.ts'
import type { Wire, Write } from './wire.ts'

/** Logs in with a ticket, as people do; operators have tokens. */
const admin = 'root@pam'

/** Lets the wire of the operator that runs now decide over each request the simulator gets, ahead of the scripted faults. */
export function guardPve(simulator: Simulator, wire: () => Wire | undefined): void {
  const { faults } = simulator
  const scripted = faults.plan.bind(faults)
  faults.plan = (info): FaultPlan | undefined => {
    const fate = info.userid === admin ? 'pass' : (wire()?.fate(writeOf(info)) ?? 'pass')
    if (fate === 'pass') return scripted(info)
    if (typeof fate === 'object') return fate.plan
    return { drop: fate === 'lost before' ? 'before' : 'after' }
  }
}

function writeOf({ method, template, params }: CallInfo): Write | undefined {
  if (method === 'GET') return undefined
  const vmid = Number(template.endsWith('/clone') ? params['newid'] : params['vmid'])
  const { node } = params
  return { to: 'pve', what: `${method} ${template}`, ...(vmid > 0 && { vmid }), ...(typeof node === 'string' && { node }) }
}

const agent = new Agent({ connect: { rejectUnauthorized: false }, keepAliveTimeout: 1 })

/** What an admin does by hand. Answers with PVE's data once the task it started, if any, has ended. */
export async function asAdmin(
  simulator: Simulator,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  params: Record<string, string | number> = {},
): Promise<unknown> {
  const { ticket, csrf } = makeTicket(simulator.world, admin)
  const form = new URLSearchParams(Object.entries(params).map(([key, value]): [string, string] => [key, String(value)])).toString()
  const isBody = method === 'POST' || method === 'PUT'
  const answer = await request(`${simulator.url}/api2/json${path}${!isBody && form ? `?${form}` : ''}`, {
    method,
    dispatcher: agent,
    headers: {
      cookie: `PVEAuthCookie=${encodeURIComponent(ticket)}`,
      CSRFPreventionToken: csrf,
      ...(isBody && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    ...(isBody && { body: form }),
  })
  const body = await answer.body.text()
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${answer.statusText} ${body}`)
  const { data } = JSON.parse(body) as { data: unknown }
  if (typeof data === 'string' && data.startsWith('UPID:')) await simulator.world.tasks.get(data)?.done
  return data
}
