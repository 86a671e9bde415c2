// When each guest was seen last in each state: the measure of commands that say what they have done.
import type { ProxmoxVMCommand } from '../../../src/api/proxmoxvmcommand.ts'
import type { Guest } from '../../../src/simulator/guests/guest.ts'

/** Each in ms of performance.now(), 0: never. */
export interface Life {
  pid: number | undefined
  thereMs: number
  goneMs: number
  onMs: number
  offMs: number
  /** Its present process, or the last one, began after the look at this moment. */
  bornMs: number
}

export class GuestLives {
  readonly #lives = new Map<number, Life>()
  #lookedAtMs = 0

  look(guests: readonly Guest[]): void {
    const nowMs = performance.now()
    const present = new Map(guests.map((guest) => [guest.vmid, guest]))
    for (const vmid of new Set([...this.#lives.keys(), ...present.keys()])) {
      const life = this.#of(vmid)
      const guest = present.get(vmid)
      if (guest) life.thereMs = nowMs
      else life.goneMs = nowMs
      const pid = guest?.process?.pid
      if (pid === undefined) life.offMs = nowMs
      else life.onMs = nowMs
      // A process that ended and another one that began between two looks: it was off in between.
      if (pid !== undefined && pid !== life.pid) life.bornMs = nowMs
      if (pid !== undefined && life.pid !== undefined && pid !== life.pid) life.offMs = nowMs
      life.pid = pid
    }
    this.#lookedAtMs = nowMs
  }

  /** What `command` says it has done did not happen since it was asked for, as a sentence; undefined: it did, or it claims nothing of a guest. */
  untruth({ spec, metadata }: ProxmoxVMCommand, vmid: number, askedMs: number): string | undefined {
    const { onMs, offMs, bornMs, thereMs, goneMs } = this.#of(vmid)
    const since: Readonly<Record<string, number>> = {
      Start: onMs,
      Reboot: Math.min(bornMs, onMs),
      Stop: offMs,
      Shutdown: offMs,
      Remove: goneMs,
      Clone: thereMs,
      Reinstall: thereMs,
    }
    const happenedMs = since[spec.command]
    if (happenedMs === undefined || happenedMs >= askedMs) return undefined
    return `${metadata.name} Succeeded, and VMID ${vmid} was never seen ${states[spec.command]} since it was asked for (last look ${Math.round(performance.now() - this.#lookedAtMs)} ms ago)`
  }

  #of(vmid: number): Life {
    const known = this.#lives.get(vmid) ?? { pid: undefined, thereMs: 0, goneMs: 0, onMs: 0, offMs: 0, bornMs: 0 }
    this.#lives.set(vmid, known)
    return known
  }
}

const states: Readonly<Record<string, string>> = {
  Start: 'running',
  Reboot: 'in a new process',
  Stop: 'off',
  Shutdown: 'off',
  Remove: 'gone',
  Clone: 'there',
  Reinstall: 'there',
}
