import type { PeerCertificate, TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'

/** How the certificate of an endpoint is judged. Nothing given: by the system's CAs and the host name. */
export interface TlsTrust {
  /** PEM; PVE's own CA is /etc/pve/pve-root-ca.pem. */
  caBundle?: string
  /** SHA-256 of the leaf as PVE prints it (`AA:BB:…`); several, so that a renewal can be announced before it happens. */
  fingerprints?: readonly string[]
  insecureSkipVerify?: boolean
}

/** Long enough for a slow handshake, short enough that the next endpoint is tried while a caller still waits. */
const connectTimeoutMs = 5_000

/** Set on errors that happened before a byte of the request left: such a request was certainly not executed. */
const notConnected = Symbol('not connected')
export const failedToConnect = (fault: unknown): boolean => typeof fault === 'object' && fault !== null && notConnected in fault

/**
 * `connected` hears of each connection: the origin, and the SHA-256 of the certificate it shows (empty without TLS). With a fault as its answer
 * the connection is given up before anything is sent.
 */
export function connectorFor(
  trust: TlsTrust,
  connected: (origin: string, certificate: string) => Error | undefined = () => undefined,
): buildConnector.connector {
  const pins = new Set((trust.fingerprints ?? []).map(plain))
  const pinned = pins.size > 0
  const connect = buildConnector({
    allowH2: false, // HTTP/2 has no reason phrase, and older PVE puts its text only there
    timeout: connectTimeoutMs,
    maxCachedSessions: 0, // a resumed session shows no certificate to compare
    ...(trust.caBundle !== undefined && { ca: trust.caBundle }),
    ...((pinned || trust.insecureSkipVerify === true) && { rejectUnauthorized: false }),
  })
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(marked(error), null)
      const origin = new URL(`${options.protocol}//${options.host ?? options.hostname}`).origin
      const fault = (pinned ? mismatch(origin, socket, pins) : undefined) ?? connected(origin, certificateOf(socket))
      if (fault === undefined) return callback(null, socket)
      socket.destroy()
      return callback(marked(fault), null)
    })
  }
}

function marked(error: Error): Error {
  return Object.defineProperty(error, notConnected, { value: true })
}

const plain = (fingerprint: string): string => fingerprint.replaceAll(':', '').trim().toUpperCase()

function certificateOf(socket: object): string {
  const certificate: PeerCertificate | undefined = 'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerCertificate() : undefined
  return certificate?.fingerprint256 ?? ''
}

function mismatch(origin: string, socket: object, pins: ReadonlySet<string>): Error | undefined {
  const shown = certificateOf(socket)
  if (shown !== '' && pins.has(plain(shown))) return undefined
  const told =
    shown === ''
      ? `${origin} shows no certificate, but spec.tls.fingerprints asks for one`
      : `${origin} shows the certificate ${shown}, which spec.tls.fingerprints does not list; if it is that of your node (System → Certificates), add it there`
  return Object.assign(new Error(told), { code: 'FINGERPRINT_MISMATCH' })
}
