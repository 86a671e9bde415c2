// Judges each request of the operator before PVE sees it: whom it stops, destroys or changes, and how often it is repeated.
import type { CallInfo } from '../../../src/simulator/contracts.ts'
import { configText } from '../../../src/simulator/guests/guest.ts'
import type { Account } from '../ledger.ts'
import type { Scene } from '../scene.ts'
import { ownerOf } from './guests.ts'
import type { Verdicts } from './verdicts.ts'

const windowMs = 60_000
const mostRequests = 60
/** With pauses of 2, 4, 8, 16 and 30 s a request is sent 5 times a minute; twice as many is haste. */
const mostRepeats = 10

interface Count {
  /** What the guest was like when the counting began. */
  state: string
  since: number
  requests: { atMs: number; what: string }[]
}

export class RequestWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  readonly #counts = new Map<number, Count>()

  constructor(scene: Scene, verdicts: Verdicts) {
    this.#scene = scene
    this.#verdicts = verdicts
  }

  sees(info: CallInfo): void {
    const { method, template, params } = info
    const isClone = template.endsWith('/clone')
    const vmid = Number(isClone ? params['newid'] : (params['vmid'] ?? vmidOfTask(info.path)))
    // The tasks of a template are read for all the VMs that are cloned from it.
    if (!(vmid > 0) || this.#scene.world.simulator.world.guests.get(vmid)?.isTemplate) return
    this.#count(vmid, info)
    if (isClone) this.#birth(vmid)
    else if (method !== 'GET') this.#write(vmid, info)
  }

  /** Starts a new count for whoever has changed. */
  look(): void {
    for (const [vmid, count] of this.#counts) {
      const state = stateOf(this.#scene, vmid)
      if (state !== count.state) this.#counts.set(vmid, { state, since: this.#nowMs, requests: [] })
    }
  }

  /** The next operator begins at nothing. */
  restart(): void {
    this.#counts.clear()
  }

  get #nowMs(): number {
    return this.#scene.world.clock.monotonicMs()
  }

  #write(vmid: number, { method, template, params }: CallInfo): void {
    const what = `${method} ${template.split('{vmid}')[1] || '(the VM)'}`
    const strangerSince = this.#scene.strangers.get(vmid)
    // Decided on before the stranger took the place of ours.
    if (strangerSince !== undefined && !this.#scene.ledger.isKnownSince(strangerSince)) return
    if (strangerSince !== undefined) return this.#verdicts.broken('foreignUntouched', vmid, `${what} is sent for the stranger ${vmid}`)
    const guest = this.#scene.world.simulator.world.guests.get(vmid)
    const account = guest && ownerOf(this.#scene, guest)
    if (!guest || !account) return
    const subject = account.uid ?? vmid
    if (account.isPaused && this.#scene.ledger.isKnownSince(account.pausedAtLook))
      this.#verdicts.broken('pausedIsLeft', subject, `${what} is sent for ${account.name}, which is paused`)
    if (method === 'DELETE' && template.endsWith('/{vmid}')) {
      if (Number(params['purge'] ?? 0) === 1 && !account.isDeleted)
        this.#verdicts.broken('possessionsStay', `${subject} purge`, `${account.name} (VMID ${vmid}) lives on and is deleted with purge=1`)
      account.destroySentMs = performance.now()
      // A reinstall that somebody asked for makes a VM that runs, also where a Stop came between.
      if (account.mayDestroy) account.mayStart = true
      else
        this.#verdicts.broken('noLossUnasked', `${subject} request`, `${account.name} (VMID ${vmid}) is deleted, and nobody asked for that`)
    } else if (/\/status\/(?:stop|shutdown|reboot|reset|suspend)$/.test(template) && guest.isRunning) {
      if (!account.mayStop && !account.isSuspended)
        this.#verdicts.broken('noStopUnasked', subject, `${what} is sent for ${account.name} (VMID ${vmid}), and nobody asked for that`)
    } else if (/\/status\/(?:start|resume)$/.test(template) && !guest.isRunning) this.#start(account, vmid)
  }

  #start(account: Account, vmid: number): void {
    account.startSentMs = performance.now()
    const subject = account.uid ?? vmid
    const told = `a start is sent for ${account.name} (VMID ${vmid})`
    if (account.isSuspended && this.#scene.ledger.isKnownSince(account.suspendedAtLook))
      return this.#verdicts.broken('suspendedIsOff', `${subject} start`, `${told}, which is suspended`)
    if (!account.mayStart && !account.isAlwaysOn) this.#verdicts.broken('noStartUnasked', subject, `${told}, and nobody asked for that`)
  }

  #birth(vmid: number): void {
    const account = this.#scene.ledger.ofVmid(vmid)
    if (!account?.wasReady || account.mayBeMade) return
    const told = `${account.name} was ready as VMID ${vmid} and is cloned again, and nobody asked for that`
    this.#verdicts.broken('noBirthUnasked', account.uid ?? vmid, told)
  }

  #count(vmid: number, { method, template, params }: CallInfo): void {
    const nowMs = this.#nowMs
    const count = this.#counts.get(vmid) ?? { state: stateOf(this.#scene, vmid), since: nowMs, requests: [] }
    this.#counts.set(vmid, count)
    const since = Math.max(nowMs - windowMs, this.#scene.ledger.ofVmid(vmid)?.touchedAtMs ?? 0)
    const { digest: _, ...rest } = params
    count.requests = count.requests.filter(({ atMs }) => atMs >= since)
    count.requests.push({ atMs: nowMs, what: `${method} ${template}${method === 'GET' ? '' : ` ${JSON.stringify(rest)}`}` })
    if (count.requests.length > mostRequests)
      this.#verdicts.broken(
        'noHaste',
        vmid,
        `${count.requests.length} requests for VMID ${vmid} in a minute in which nothing changed: ${mostOften(count)}`,
      )
    const writes = count.requests.filter(({ what }) => !what.startsWith('GET') && what === count.requests.at(-1)?.what)
    if (writes.length > mostRepeats)
      this.#verdicts.broken(
        'noHaste',
        `${vmid} write`,
        `${writes.length} times in a minute in which nothing changed: ${writes[0]?.what.slice(0, 200)}`,
      )
  }
}

/** Whatever of a guest a request may change, as one text. */
export function stateOf({ world }: Scene, vmid: number): string {
  const { guests, firewall } = world.simulator.world
  const guest = guests.get(vmid)
  return guest ? `${configText(guest)} ${guest.process?.pid} ${guest.node} ${JSON.stringify(firewall.get(vmid))}` : ''
}

function mostOften({ requests }: Count): string {
  const all = [...Map.groupBy(requests, ({ what }) => what)].toSorted(([, a], [, b]) => b.length - a.length)
  return all
    .slice(0, 3)
    .map(([what, times]) => `${times.length} × ${what.slice(0, 120)}`)
    .join('; ')
}

/** The guest a task is about, from its UPID. */
const vmidOfTask = (path: string): string | undefined => /UPID:[^:]+:[^:]+:[^:]+:[^:]+:[^:]+:(\d+):/.exec(path)?.[1]
