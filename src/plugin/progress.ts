import type { Shell } from './shell.ts'

/** What goes on meanwhile: one line drawn again and again on a terminal, else one line a change. */
export class Progress {
  readonly #shell: Shell
  readonly #startedMs: number
  #last = ''
  #isDrawn = false

  constructor(shell: Shell) {
    this.#shell = shell
    this.#startedMs = shell.clock.monotonicMs()
  }

  show(line: string): void {
    if (this.#shell.isTerminal) {
      const seconds = Math.round((this.#shell.clock.monotonicMs() - this.#startedMs) / 1000)
      this.#shell.err(`\r\u001B[2K${cut(`${line} (${seconds}s)`, this.#shell.columns - 1)}`)
      this.#isDrawn = true
    } else if (line !== this.#last) this.#shell.err(`${line}\n`)
    this.#last = line
  }

  /** Clears the line: what follows is the result. */
  end(): void {
    if (this.#isDrawn) this.#shell.err('\r\u001B[2K')
    this.#isDrawn = false
  }
}

const cut = (line: string, width: number) => (line.length > width ? `${line.slice(0, Math.max(1, width - 1))}…` : line)
