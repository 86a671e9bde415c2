import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino'
import { redacted } from './redaction.ts'

/** pino without `child`, whose bindings pass no formatter: `about` is the one way to bind, and redacts. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'isLevelEnabled'>

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** The one correlation of every line: whoever follows a VM through the log greps for `"vm":"namespace/name"`. */
export interface Correlation {
  /** namespace/name of the ProxmoxVM */
  vm?: string
  vmid?: number
  /** the rung of the ladder */
  step?: string
  /** PVE's id of the task */
  upid?: string
  /** name of the ProxmoxCluster */
  cluster?: string
  /** name of the IPPool */
  pool?: string
  /** the subsystem that speaks, when it is not about one object */
  part?: string
}

/**
 * One JSON line per entry on stderr (stdout belongs to the answers of commands), written at once: the last lines before a crash are the ones
 * that matter, and a worker transport would lose them.
 */
export function createLog(options: { level: LogLevel; destination?: DestinationStream }): Log {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redacted(fields) as Record<string, unknown>,
      },
      serializers: { err: (fault: unknown) => (fault instanceof Error ? redacted(stdSerializers.err(fault)) : redacted(fault)) },
      hooks: { logMethod: redactMessage },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  )
}

/** A logger whose every line carries these fields. */
export function about(log: Log, correlation: Correlation): Log {
  return (log as Logger).child(redacted(correlation) as Correlation)
}

/** Messages are text: a token may sit in the words of a fault that somebody interpolated. */
function redactMessage(this: Logger, args: Parameters<Logger['info']>, method: (...args: Parameters<Logger['info']>) => void): void {
  const clean = args.map((argument: unknown) => (typeof argument === 'string' ? redacted(argument) : argument))
  method.apply(this, clean as Parameters<Logger['info']>)
}
