import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** `bin/pve-operator`, whatever the working directory. */
export const launcher = join(import.meta.dirname, '../../bin/pve-operator')

export interface Program {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** It is ready; throws a sentence with the end of its log when it ends before. */
  readonly ready: Promise<void>
  /** Settles when it ended by itself, with a sentence; never after `stop`. */
  readonly failed: Promise<string>
  /** SIGTERM, then SIGKILL after ten seconds; resolves when it is gone. */
  stop(): Promise<void>
  /** SIGKILL, as a node that loses its power; resolves when it is gone. */
  kill(): Promise<void>
}

export interface ProgramOptions {
  name: string
  /** Absent: `bin/pve-operator`. */
  command?: string
  args: readonly string[]
  logFile: string
  /** It counts as started once it prints this line. Absent: at once. */
  readyLine?: string
  onLine?: (line: string) => void
  /** Another way to start pve-operator than from its sources, and what is added to its environment. */
  as?: StartedAs
}

export interface StartedAs {
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
}

const graceMs = 10_000

/**
 * Starts `pve-operator <args>`, or another command, as a process of its own, in a process group of its own: Ctrl-C reaches whoever started it,
 * who then stops its programs in order.
 */
export function startProgram(options: ProgramOptions): Program {
  mkdirSync(dirname(options.logFile), { recursive: true })
  const log = createWriteStream(options.logFile)
  const {
    command: [command, ...first],
    env,
  } = options.as ?? { command: [options.command ?? launcher], env: {} }
  const child = spawn(command, [...first, ...options.args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const heir = guard(child)
  let stopping = false
  const ended = new Promise<string>((resolve) => {
    child.once('error', (fault) => resolve(`${options.name} could not be started: ${fault.message}`))
    child.once('close', (code, signal) => resolve(`${options.name} ended (${signal ?? `exit code ${code}`})`))
  })
  const said = new Promise<void>((resolve) => {
    if (options.readyLine === undefined) resolve()
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`)
        options.onLine?.(line)
        if (line === options.readyLine) resolve()
      })
    }
  })
  const failed = ended.then(async (sentence) =>
    stopping ? new Promise<never>(() => undefined) : `${sentence}${await logTail(options.logFile)}`,
  )
  const ready = Promise.race([said, failed]).then((early) => {
    if (early !== undefined) throw new Error(early)
  })
  // Whoever stops it while it starts may have nobody left who waits for this.
  ready.catch(() => undefined)
  const finish = async (how: () => Promise<unknown>): Promise<void> => {
    stopping = true
    await how()
    heir?.kill('SIGKILL')
    heir?.stdin?.destroy()
    log.end()
  }
  return {
    name: options.name,
    pid: child.pid ?? 0,
    logFile: options.logFile,
    ready,
    failed,
    stop: () => finish(() => end(child, ended)),
    kill: () =>
      finish(() => {
        child.kill('SIGKILL')
        return ended
      }),
  }
}

/** Ends the program when we die without a chance to (SIGKILL): our end of its pipe closes then. */
function guard(child: ChildProcess): ChildProcess | undefined {
  if (child.pid === undefined) return undefined
  const heir = spawn('sh', ['-c', 'cat >/dev/null; kill -TERM "$1"', 'sh', String(child.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  heir.on('error', () => undefined)
  heir.stdin?.on('error', () => undefined)
  heir.unref()
  return heir
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await ended
  clearTimeout(timer)
}

/** The end of a log is where the cause is told. */
async function logTail(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const tail = text.trimEnd().split('\n').slice(-12).join('\n')
  return tail === '' ? '' : `; the end of ${file}:\n${tail}`
}
