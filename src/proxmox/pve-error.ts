/**
 * Anything that was not a 2xx answer of PVE.
 * The message is PVE's own text, trimmed; for a 400 the texts of the parameters are appended in the form that PVE itself
 * uses in task exits (`Parameter verification failed. cores: value must have a minimum value of 1`), so one table of texts serves both.
 */
export class PveError extends Error {
  override readonly name = 'PveError'
  /** HTTP status; 0 = no answer came. PVE passes 595 to 599 of its own proxy hop on as real statuses. */
  readonly status: number
  /** False only where it is certain that no PVE node executed the request. */
  readonly sent: boolean
  /** Route template with `*` for parameters: `/nodes/*\/qemu/*\/config`. */
  readonly route: string
  readonly method: string
  /** Parameter name → text, of a 400. */
  readonly errors: Readonly<Record<string, string>>
  /** Error code of the transport (`ECONNREFUSED`, `FINGERPRINT_MISMATCH`…) where there was no answer. */
  readonly code: string | undefined

  constructor(o: {
    message: string
    status: number
    sent: boolean
    route: string
    method: string
    errors?: Record<string, string>
    code?: string
    cause?: unknown
  }) {
    super(withParameters(o.message.trim(), o.errors ?? {}), { cause: o.cause })
    this.status = o.status
    this.sent = o.sent
    this.route = o.route
    this.method = o.method
    this.errors = o.errors ?? {}
    this.code = o.code
  }
}

function withParameters(message: string, errors: Record<string, string>): string {
  const told = Object.entries(errors).map(([name, text]) => `${name}: ${text.trim()}`)
  return told.length === 0 ? message : `${message} ${told.join('; ')}`
}

/**
 * Certificate errors as Node spells them, and our own for a fingerprint that matches none.
 * Node's documentation, "X509 certificate error codes", plus the two that tls adds itself.
 */
const trustCodes: ReadonlySet<string> = new Set([
  'FINGERPRINT_MISMATCH',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])
export const isTrustFailure = (code: string | undefined): boolean => code !== undefined && trustCodes.has(code)
