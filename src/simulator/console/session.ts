// The consoles that were asked for, each on a port of its own until its one connection ends.
import { refuse } from '../http/refusal.ts'

export interface ConsoleSession {
  kind: 'vnc' | 'terminal'
  user: string
  vmid: number
  port: number
  ticket: string
  /** Of the VNC protocol; undefined for terminals. */
  password: string | undefined
  /** The picture's connection is there; the task waits for its end. */
  opened: () => void
  closed: (failure?: string) => void
}

const firstPort = 5900
const ports = 100

/** The sessions of a world, by port. */
export class Consoles {
  readonly #sessions = new Map<number, ConsoleSession>()

  freePort(): number {
    for (let port = firstPort; port < firstPort + ports; port++) if (!this.#sessions.has(port)) return port
    refuse('unable to find free port (5900-6000)')
  }

  add(session: ConsoleSession): void {
    this.#sessions.set(session.port, session)
  }

  get(port: number): ConsoleSession | undefined {
    return this.#sessions.get(port)
  }

  remove(port: number): void {
    this.#sessions.delete(port)
  }
}
