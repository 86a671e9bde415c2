import type { Clock } from '../ops/clock.ts'

/** What the plugin sees of the terminal and the machine it runs on: handed in, so that a test can be one. */
export interface Shell {
  /** Results: standard output. Text as it is. */
  out(text: string): void
  /** Progress and faults: standard error. Text as it is. */
  err(text: string): void
  /** Standard error is a terminal: progress is one line that is drawn again. */
  readonly isTerminal: boolean
  /** Width of that terminal. */
  readonly columns: number
  /** Puts a question to the person at the terminal; undefined: nobody is there to answer. Absent: there is no terminal. */
  readonly ask?: (question: string) => Promise<string | undefined>
  /** Opens a URL in the browser of whoever sits here; absent: there is none. */
  readonly browse?: (url: string) => Promise<void>
  /** The text of a file; undefined: there is none. Absent: no files can be read. */
  readonly readFile?: (path: string) => Promise<string | undefined>
  /** $KUBECONFIG. */
  readonly kubeconfig?: string
  readonly version: string
  readonly clock: Clock
  /** Ctrl-C. What was asked for goes on in the cluster. */
  readonly signal: AbortSignal
}

/** Exit codes: programs that press buttons tell these apart. */
export const exitCodes = { done: 0, failed: 1, usage: 2, unfinished: 3, interrupted: 130 } as const

/** Why the plugin ends without having done what was asked: one sentence, and the exit code. */
export class PluginRefusal extends Error {
  readonly exitCode: number

  constructor(sentence: string, exitCode: number = exitCodes.failed) {
    super(sentence)
    this.name = 'Refusal'
    this.exitCode = exitCode
  }
}
