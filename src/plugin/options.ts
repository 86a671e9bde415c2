/** Options and arguments that several sub-commands share, and how a sub-command gets its session. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDurationSeconds } from '../api/size.ts'
import { type GlobalOptions, type Session, withSession } from './session.ts'
import type { Shell } from './shell.ts'

export type Work<O> = (session: Session, subject: string, options: O) => Promise<void>

/** The action of a sub-command with one argument. */
export const bound =
  <O extends object>(shell: Shell, work: Work<O>) =>
  async (subject: string, _: unknown, command: Command): Promise<void> => {
    const options = optionsOf<O>(command)
    await withSession(shell, options, (session) => work(session, subject, options))
  }

/** The action of a sub-command whose argument may be left out. */
export const maybeBound =
  <O extends object>(shell: Shell, work: (session: Session, subject: string | undefined, options: O) => Promise<void>) =>
  async (subject: string | undefined, _: unknown, command: Command): Promise<void> => {
    const options = optionsOf<O>(command)
    await withSession(shell, options, (session) => work(session, subject, options))
  }

/** The action of a sub-command without an argument. */
export const unbound =
  <O extends object>(shell: Shell, work: (session: Session, options: O) => Promise<void>) =>
  async (_: unknown, command: Command): Promise<void> => {
    const options = optionsOf<O>(command)
    await withSession(shell, options, (session) => work(session, options))
  }

/** What is not stored is not waited for. */
export function optionsOf<O extends object>(command: Command): O & GlobalOptions {
  const options = command.optsWithGlobals<O & GlobalOptions>()
  return options.dryRun === true ? { ...options, wait: false } : options
}

export const json = () => new Option('-o, --output <format>', 'print the data').choices(['json'])

/** A change to Ready takes minutes at most; a script that waits for ever is worse than one that says what is not finished. */
const defaultWaitSeconds = 600

export const dryRun = (): Option =>
  new Option('--dry-run', 'let the API server check the request and show what would be done; nothing is written')

export const sure = (): Option => new Option('-y, --yes', 'do not ask')

/** Options of a sub-command that writes and waits for what becomes of it. */
export function waiting(command: Command): Command {
  return command
    .option('--no-wait', 'do not wait for its end')
    .addOption(
      new Option('--timeout <duration>', 'wait at most this long, such as 90s or 1h').argParser(seconds).default(defaultWaitSeconds, '10m'),
    )
    .addOption(dryRun())
    .addOption(json())
}

export const sending = (command: Command) =>
  command
    .option('--ttl <duration>', 'delete the ProxmoxVMCommand this long after its end (default: it goes with its VM)', seconds)
    .option('--reason <text>', 'the reason, for people')

export const collect = (value: string, before: string[] | undefined) => [...(before ?? []), value]

export function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('write a whole number')
  return Number(text)
}

export function seconds(text: string): number {
  try {
    return /^\d+$/.test(text) ? Number(text) : Math.ceil(parseDurationSeconds(text))
  } catch {
    throw new InvalidArgumentError('write a duration such as 90s, 10m or 1h')
  }
}
