// What the HA stack keeps in the cluster file system: resources.cfg, rules.cfg, the command queue and the manager's status.
import { createHash } from 'node:crypto'
import type { HaSpec } from '../world/spec.ts'

/** One section of resources.cfg: only what was set. */
export interface HaResource {
  type: string
  /** `started` where absent; `enabled` is another word for it. */
  state?: string
  comment?: string
  failback?: number
  max_restart?: number
  max_relocate?: number
  'auto-rebalance'?: number
}

export interface HaRule {
  type: string
  resources: string[]
  /** Node affinity: node → priority. */
  nodes?: Map<string, number>
  strict?: number
  /** Resource affinity. */
  affinity?: string
  disable?: number
  comment?: string
}

export type ServiceState =
  | 'request_start'
  | 'started'
  | 'request_stop'
  | 'stopped'
  | 'migrate'
  | 'relocate'
  | 'fence'
  | 'recovery'
  | 'error'

/** What a local resource manager answered. */
export type LrmResult = 'ok' | 'failed'

/** A service as the manager follows it (PVE::HA::Manager `$sd`). */
export interface Service {
  state: ServiceState
  node: string
  /** Changes with each order; a result belongs to the order it has. */
  uid: number
  /** Where it is to go, while it moves. */
  target?: string
  /** Seconds that a stop gives the guest; 0 cuts it. */
  timeout?: number
  running?: boolean
  failedNodes?: string[]
  /** Where it was before its node went into maintenance. */
  maintenanceNode?: string
  cmd?: { name: 'migrate' | 'relocate' | 'stop'; arg: string }
  /** The order the local manager works on or has done. */
  taken?: number
  result?: { uid: number; outcome: LrmResult }
  restarts?: number
}

export type NodeState = 'online' | 'unknown' | 'fence' | 'maintenance'

/** The whole of it. Without a manager (`hasManager` false) requests are written down and nobody acts. */
export class HaState {
  readonly hasManager: boolean
  readonly resources = new Map<string, HaResource>()
  readonly rules = new Map<string, HaRule>()
  /** Lines as `ha-manager crm-command` queues them. */
  commands: string[] = []
  readonly services = new Map<string, Service>()
  readonly nodes = new Map<string, NodeState>()
  readonly maintenance = new Set<string>()
  /** Whether the daemons run: pve-ha-crm and pve-ha-lrm of every node. */
  readonly running = { crm: true, lrm: true }
  /** Undefined until the manager had something to do for the first time. */
  master: string | undefined
  /** Seconds since the epoch of the master's last round. */
  timestamp = 0

  constructor(spec: HaSpec | undefined, isCluster: boolean) {
    this.hasManager = spec?.manager ?? isCluster
    for (const { vmid, ...resource } of spec?.resources ?? []) this.resources.set(`vm:${vmid}`, { type: 'vm', ...resource })
  }

  /** The state somebody asked for; undefined for what is no resource (read_and_check_resources_config). */
  wanted(sid: string): string | undefined {
    const resource = this.resources.get(sid)
    if (!resource) return undefined
    return resource.state === undefined || resource.state === 'enabled' ? 'started' : resource.state
  }

  /** Whether calls about this guest go through the HA stack: an ignored resource behaves like any other guest. */
  isManaged(vmid: number): boolean {
    const wanted = this.wanted(`vm:${vmid}`) ?? this.wanted(`ct:${vmid}`)
    return wanted !== undefined && wanted !== 'ignored'
  }

  /** Whether it is configured at all, ignored or not: what DELETE of a VM asks. */
  isConfigured(vmid: number): boolean {
    return this.resources.has(`vm:${vmid}`) || this.resources.has(`ct:${vmid}`)
  }

  /** `ha` of status/current (PVE::HA::Config get_service_status). */
  statusOf(vmid: number): Record<string, unknown> {
    return this.isManaged(vmid) ? { managed: 1, state: this.services.get(`vm:${vmid}`)?.state ?? null } : { managed: 0 }
  }

  /** `hastate` of a row of /cluster/resources. */
  stateInList(vmid: number): string | undefined {
    const sid = `vm:${vmid}`
    return this.services.get(sid)?.state ?? this.resources.get(sid)?.state
  }

  /** A service of an errored resource takes no order but `disabled`. */
  isInError(sid: string): boolean {
    return this.wanted(sid) !== undefined && this.wanted(sid) !== 'ignored' && this.services.get(sid)?.state === 'error'
  }

  forget(sid: string, fromRules: boolean): void {
    this.resources.delete(sid)
    if (!fromRules) return
    for (const [name, rule] of this.rules) {
      rule.resources = rule.resources.filter((other) => other !== sid)
      if (rule.resources.length === 0) this.rules.delete(name)
    }
  }

  digest(of: 'resources' | 'rules'): string {
    const plain = [...this[of]].map(([key, { ...value }]) => [
      key,
      Object.entries(value).map(([k, v]) => [k, v instanceof Map ? [...v] : v]),
    ])
    return createHash('sha1').update(JSON.stringify(plain)).digest('hex')
  }
}

/** The service as a person reads it (PVE::HA::Tools get_verbose_service_state). */
export function verboseState(ha: HaState, sid: string, exists: boolean): string {
  const wanted = ha.wanted(sid)
  if (wanted === undefined) return 'deleting'
  if (wanted === 'ignored') return 'ignored'
  if (!exists) return 'not found'
  const service = ha.services.get(sid)
  if (!service) return 'queued'
  if (service.state === 'stopped' && wanted === 'started') return 'starting'
  if (service.state === 'stopped' && wanted === 'disabled') return 'disabled'
  if (service.state === 'started' && !service.running) return 'starting'
  if (service.state === 'started' && wanted !== 'started') return 'stopping'
  if (service.state === 'error' && wanted === 'disabled') return 'clearing error flag'
  return service.state
}
