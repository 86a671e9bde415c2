/** One request as the fault hook sees it: after authentication and route lookup, before permissions. */
export interface CallInfo {
  method: string
  /** The route, for example `/nodes/{node}/qemu/{vmid}/clone`. */
  template: string
  /** Decoded, without /api2/json. */
  path: string
  /** Raw parameters, those of the URI included. */
  params: Record<string, unknown>
  /** `root@pam!sim`, or the plain user for a ticket. */
  userid: string
}

/** What shall go wrong with one call. */
export interface FaultPlan {
  delayMs?: number
  /** The connection is destroyed without an answer, before or after the effect. */
  drop?: 'before' | 'after'
  answer?: {
    when: 'before' | 'after'
    status: number
    reason: string
    message?: string
    errors?: Record<string, string>
    emptyBody?: boolean
  }
  task?: TaskFault
  /** The task that a reboot leaves behind to start the guest. */
  secondTask?: TaskFault
  /** The answer (or its loss) at once, the request itself so much later. */
  beginAfterMs?: number
}

/** What shall go wrong in the task that a call starts. */
export interface TaskFault {
  /** Exit status; the effect is not done and PVE's own clean-up runs. */
  fail?: string
  /** The effect is done, then the task fails with this text. */
  failAfter?: string
  /** Ends with `WARNINGS: n`. */
  warn?: number
  /** The worker vanishes in the middle: `unexpected status`, and what it had locked in the config stays locked. */
  kill?: boolean
  extraMs?: number
  /** Ends OK and has changed nothing, as a resize to the size that the volume already has. */
  noEffect?: boolean
  /** The task is there, its work begins so much later; until then it holds nothing. */
  beginAfterMs?: number
}

export interface FaultSource {
  plan(info: CallInfo): FaultPlan | undefined
  reset(): void
}

export interface RequestEntry {
  /** Milliseconds since the epoch. */
  at: number
  method: string
  path: string
  /** Undefined when no route matched. */
  template: string | undefined
  /** 0: the connection was dropped. */
  status: number
  ms: number
  /** `root@pam!sim`; empty without a valid identity. */
  token: string
}

export interface RequestSink {
  record(entry: RequestEntry): void
  reset(): void
}
