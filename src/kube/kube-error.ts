/** Faults of the API server, and how they are told apart. */
import type { V1Status } from '@kubernetes/client-node'

/** What the API server refused, or that it could not be asked. */
export class KubeError extends Error {
  /** HTTP status; 0 = no answer (a write may have been executed all the same). */
  readonly status: number
  /** The server's own reason: Conflict, AlreadyExists, NotFound, Invalid, Forbidden, Expired …; `NoAnswer` for status 0. */
  readonly reason: string
  /** From the Retry-After header. */
  readonly retryAfterSeconds?: number
  /** `details` of the server's Status object. */
  readonly details?: unknown

  constructor(
    message: string,
    o: { status: number; reason: string; retryAfterSeconds?: number | undefined; details?: unknown; cause?: unknown },
  ) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause })
    this.name = 'KubeError'
    this.status = o.status
    this.reason = o.reason
    if (o.retryAfterSeconds !== undefined) this.retryAfterSeconds = o.retryAfterSeconds
    if (o.details !== undefined) this.details = o.details
  }
}

/** Somebody else wrote the object since it was read. */
export const isConflict = (fault: unknown): boolean => fault instanceof KubeError && fault.reason === 'Conflict'

/** The object is not as it was read any more: written by somebody else, or gone. */
export const isOutdated = (fault: unknown): boolean => isConflict(fault) || (fault instanceof KubeError && fault.reason === 'NotFound')

/** The API server says that there is no such object. The 404 of a proxy, or of a server without the kind, says nothing of the object. */
export const isNotFound = (fault: unknown): boolean => fault instanceof KubeError && fault.status === 404 && fault.reason === 'NotFound'

/** Nothing answers at that path: no such object, no such kind, or a proxy that does not know the API server. */
export const isNotServed = (fault: unknown): boolean => fault instanceof KubeError && fault.status === 404

/** 404 is not here: only the API server itself knows that an object does not exist, and it says so in a Status object. */
const reasonsByStatus: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

const notTheServer = 'a proxy answered 404 in place of the API server, or this API server does not have the kind: '

/** Judges an answer that is not 2xx; a proxy in between may have written something that is no Status object. */
export function refusal(what: string, status: number, body: string, retryAfter: string | undefined): KubeError {
  const said = asStatus(body)
  const header = Number(retryAfter)
  const unknown = status === 404 ? notTheServer : ''
  return new KubeError(`${what}: ${said.message ?? `${unknown}${body.trim().slice(0, 200) || `HTTP ${status}`}`}`, {
    status,
    reason: said.reason || reasonsByStatus[status] || 'Unknown',
    retryAfterSeconds: retryAfter !== undefined && Number.isFinite(header) ? header : said.details?.retryAfterSeconds,
    details: said.details,
  })
}

/** Judges the `object` of an ERROR event: an answer that came after the headers had said 200. */
export function refusedLater(what: string, object: unknown): KubeError {
  const said = (object ?? {}) as V1Status
  return refusal(what, said.code ?? 500, JSON.stringify(object), undefined)
}

function asStatus(body: string): V1Status {
  try {
    const parsed = JSON.parse(body) as V1Status | null
    return parsed?.kind === 'Status' ? parsed : {}
  } catch {
    return {}
  }
}
