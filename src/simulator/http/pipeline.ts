import type { IncomingHttpHeaders } from 'node:http'
import { authenticate, claimedToken } from '../access/authenticate.ts'
import { checkDeclared } from '../access/declared.ts'
import { type Identity, identityOf } from '../access/identity.ts'
import type { FaultPlan } from '../contracts.ts'
import { type Call, Envelope, PlainText } from '../routes.ts'
import { textOf } from '../schema/text.ts'
import { validate } from '../schema/validate.ts'
import { isUp, type World } from '../world/world.ts'
import { forbidden, paramError, PveRefusal } from './refusal.ts'
import type { Match, Router } from './router.ts'
import type { Sim } from '../running.ts'

/** How long a proxy hop waits for an answer before it says 596. */
const proxyTimeoutMs = 30_000

export interface Ask {
  method: string
  /** Decoded, without /api2/json. */
  path: string
  params: Record<string, unknown>
  headers: IncomingHttpHeaders
}

export type Answer =
  | { is: 'answer'; status: number; reason: string; body: string | undefined; contentType?: string; viaDaemon: boolean }
  | { is: 'dropped' }

export interface Trace {
  template?: string
  token?: string
}

/** Everything between a parsed request and its answer, in PVE's order of checks (PVE::HTTPServer rest_handler). */
export class Pipeline {
  readonly #router: Router
  readonly #sim: () => Sim

  constructor(router: Router, sim: () => Sim) {
    this.#router = router
    this.#sim = sim
  }

  answer(ask: Ask, trace: Trace): Promise<Answer> {
    const world = this.#sim().world
    return new Promise((resolve) => {
      const drop = () => resolve({ is: 'dropped' })
      world.inFlight.add(drop)
      this.#stages(world, ask, trace)
        .catch((fault: unknown) => refusalAnswer(fault, world.spec.errorBody === 'legacy'))
        .then((answer) => {
          world.inFlight.delete(drop)
          resolve(answer)
        })
        .catch(drop)
    })
  }

  async #stages(world: World, ask: Ask, trace: Trace): Promise<Answer> {
    const found = this.#router.find(ask.method, ask.path)
    const user = await this.#who(world, ask, found)
    trace.token = user.id
    if (!found) throw new PveRefusal(501, `Method '${ask.method} ${ask.path.replace(/\/$/, '')}' not implemented`)
    trace.template = found.template
    const params = merged(found, ask.params)
    const plan = this.#sim().faults.plan({ method: ask.method, template: found.template, path: ask.path, params, userid: user.id })
    if (plan?.delayMs) await world.clock.sleep(plan.delayMs)
    if (plan?.drop === 'before') return { is: 'dropped' }
    if (plan?.answer?.when === 'before') throw injected(plan)
    if (user.token !== undefined && found.info.allowtoken === 0)
      throw forbidden(`URI '${ask.path}' not available with API token, need proper ticket.\n`)
    checkDeclared(world.access, user, found.info, params)
    if (plan?.beginAfterMs !== undefined) {
      world.clock.after(plan.beginAfterMs, () => {
        this.#proxied(world, found, params, user, plan).catch(() => {})
      })
      if (plan.drop === 'after') return { is: 'dropped' }
      throw injected(plan)
    }
    const data = await this.#proxied(world, found, params, user, plan)
    if (plan?.drop === 'after') return { is: 'dropped' }
    if (plan?.answer?.when === 'after') throw injected(plan)
    const viaDaemon = found.info.protected === 1
    if (data instanceof PlainText) return { is: 'answer', status: 200, reason: 'OK', body: data.text, contentType: 'text/plain', viaDaemon }
    const body = data instanceof Envelope ? { ...data.more, data: data.data ?? null } : { data: data ?? null }
    return { is: 'answer', status: 200, reason: 'OK', body: JSON.stringify(body), viaDaemon }
  }

  async #who(world: World, ask: Ask, found: Match | undefined): Promise<Identity> {
    const isOpen = found?.info.permissions?.user === 'world'
    if (isOpen) return identityOf(claimedToken(ask.headers))
    try {
      // A form in a browser cannot send the CSRF header with a file: uploads do without.
      const isUpload = ask.method === 'POST' && /\/storage\/[^/]+\/upload$/.test(ask.path)
      return authenticate(world, isUpload ? 'GET' : ask.method, ask.headers)
    } catch (fault) {
      await world.clock.sleep(world.spec.authDelayMs ?? 3000)
      throw fault
    }
  }

  /** The hop to another node or to the daemon; both can be down, both give up after 30 s while the work goes on. */
  async #proxied(
    world: World,
    found: Match,
    params: Record<string, unknown>,
    user: Identity,
    plan: FaultPlan | undefined,
  ): Promise<unknown> {
    const wanted = found.uriParams['node'] ?? 'localhost'
    const here = world.firstNode
    let node = wanted === 'localhost' ? here.name : wanted
    const isProxied = found.info.proxyto === 'node' || (found.info.proxyto != null && found.uriParams['node'] !== undefined)
    if (!world.nodes.has(node)) {
      if (isProxied)
        throw new PveRefusal(500, `hostname lookup '${node}' failed - failed to get address info for: ${node}: Name or service not known`)
      node = here.name
    }
    const target = world.nodes.get(node) ?? here
    if (isProxied && !isUp(target)) {
      // A dark host does not answer ARP: the kernel gives up after about three seconds.
      await world.clock.sleep(world.spec.offlineDelayMs ?? 3000)
      throw new PveRefusal(595, 'No route to host', undefined, true)
    }
    const isProtected = found.info.protected === 1
    if (isProtected && !target.pvedaemon) throw new PveRefusal(595, 'Connection refused', undefined, true)
    const run = async () => this.#run(world, found, params, { user, node, plan })
    if (!isProtected && target === here) return run()
    const work = isProtected ? target.slots.use(run) : run()
    return withTimeout(world, work)
  }

  #run(
    world: World,
    found: Match,
    raw: Record<string, unknown>,
    about: { user: Identity; node: string; plan: FaultPlan | undefined },
  ): unknown {
    const params = validate(found.info, raw)
    if (!found.route) throw new PveRefusal(501, `Method '${found.info.name}' is known to PVE but not modelled by this simulator`)
    const call: Call = {
      world,
      method: found.route.method,
      template: found.template,
      params,
      rawParams: raw,
      node: about.node,
      vmid: typeof params['vmid'] === 'number' && 'vmid' in found.uriParams ? params['vmid'] : 0,
      user: about.user,
      fault: about.plan,
      check: (path, privileges, any) => world.access.check(about.user, path, privileges, any),
    }
    return found.route.handler(call)
  }
}

function merged(found: Match, given: Record<string, unknown>): Record<string, unknown> {
  const out = { ...given }
  for (const [key, value] of Object.entries(found.uriParams)) {
    if (out[key] !== undefined && textOf(out[key]) !== value)
      throw paramError({ [key]: 'duplicate parameter (already defined in URI) with conflicting values!' })
    out[key] = value
  }
  return out
}

async function withTimeout(world: World, work: Promise<unknown>): Promise<unknown> {
  let cancel = () => {}
  const late = new Promise<'late'>((resolve) => {
    cancel = world.clock.after(proxyTimeoutMs, () => resolve('late'))
  })
  const first = await Promise.race([work, late])
  cancel()
  if (first !== 'late') return first
  work.catch(() => {})
  throw new PveRefusal(596, 'Connection timed out', undefined, true)
}

function injected(plan: FaultPlan): PveRefusal {
  const a = plan.answer
  return new PveRefusal(a?.status ?? 500, a?.message ?? a?.reason ?? '', a?.errors, a?.emptyBody ?? (a?.status ?? 0) >= 595)
}

function refusalAnswer(fault: unknown, isLegacy: boolean): Answer {
  const refusal = fault instanceof PveRefusal ? fault : new PveRefusal(500, fault instanceof Error ? fault.message : String(fault))
  const reason = (refusal.message.split('\n')[0] ?? '').replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')
  if (refusal.bare) return { is: 'answer', status: refusal.status, reason, body: undefined, viaDaemon: false }
  const text = refusal.status === 501 || refusal.message.endsWith('\n') ? refusal.message : `${refusal.message}\n`
  const body = { data: null, ...(isLegacy ? {} : { message: text }), ...(refusal.errors ? { errors: refusal.errors } : {}) }
  return { is: 'answer', status: refusal.status, reason, body: JSON.stringify(body), viaDaemon: false }
}
