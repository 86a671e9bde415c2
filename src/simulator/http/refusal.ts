/** An answer other than 200, in PVE's words. The pipeline puts the first line into the reason phrase and the whole text plus a newline into `message`. */
export class PveRefusal extends Error {
  readonly status: number
  readonly errors: Readonly<Record<string, string>> | undefined
  /** True for answers that PVE sends without any body: 401 and the proxy's 595-599. */
  readonly bare: boolean

  constructor(status: number, message: string, errors?: Record<string, string>, bare = false) {
    super(message)
    this.status = status
    this.errors = errors
    this.bare = bare
  }
}

/** 500: what a Perl `die "text\n"` in a method becomes. */
export function refuse(message: string): never {
  throw new PveRefusal(500, message)
}

/** 400 `Parameter verification failed.` with one text a parameter. */
export function paramError(errors: Record<string, string>): PveRefusal {
  return new PveRefusal(400, 'Parameter verification failed.', errors)
}

/** 403 with PVE's parentheses; without a text the bare form of an or-check. */
export function forbidden(what?: string): PveRefusal {
  return new PveRefusal(403, what === undefined ? 'Permission check failed' : `Permission check failed (${what})`)
}

/**
 * The text a fault has as a task's exit status: PVE prints an exception inside a worker as `CODE message` plus its parameter
 * errors, and joins lines with spaces (PVE::RESTEnvironment fork_worker).
 */
export function exitText(fault: unknown): string {
  if (!(fault instanceof PveRefusal)) return fault instanceof Error ? fault.message.trimEnd().replaceAll('\n', ' ') : String(fault)
  if (fault.status === 500) return fault.message.trimEnd().replaceAll('\n', ' ')
  const errors = Object.entries(fault.errors ?? {}).map(([key, text]) => `${key}: ${text}`)
  return [`${fault.status} ${fault.message}`, ...errors].join('\n').trimEnd().replaceAll('\n', ' ')
}
