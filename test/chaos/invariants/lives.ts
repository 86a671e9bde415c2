// When each guest was last in each state: the measure of commands that say what they have done. A process may begin and end between two looks, so
// the end of each is heard, too.
import type { ProxmoxVMCommand } from '../../../src/api/proxmoxvmcommand.ts'
import type { Guest } from '../../../src/simulator/guests/guest.ts'

/** Each in ms of performance.now(), 0: never. */
export interface Life {
  pid: number | undefined
  thereMs: number
  goneMs: number
  onMs: number
  offMs: number
  /** Its present process, or the last one, was new at this moment. */
  bornMs: number
}

const unknown: Life = { pid: undefined, thereMs: 0, goneMs: 0, onMs: 0, offMs: 0, bornMs: 0 }

export class GuestLives {
  readonly #lives = new Map<number, Life>()
  /** VMID → the guest that had it at the last look. */
  readonly #guests = new Map<number, Guest>()
  #lookedAtMs = 0

  look(guests: readonly Guest[]): void {
    const nowMs = performance.now()
    const present = new Map(guests.map((guest) => [guest.vmid, guest]))
    for (const vmid of new Set([...this.#lives.keys(), ...present.keys()])) {
      const guest = present.get(vmid)
      const life = this.#of(vmid)
      if (guest !== this.#guests.get(vmid)) this.#changed(vmid, guest, nowMs)
      if (guest) life.thereMs = nowMs
      else life.goneMs = nowMs
      const pid = guest?.process?.pid
      if (pid === undefined) life.offMs = nowMs
      else life.onMs = nowMs
      if (pid !== undefined && pid !== life.pid) life.bornMs = nowMs
      life.pid = pid
    }
    this.#lookedAtMs = nowMs
  }

  /** Another guest has the VMID, or none: the one before is gone, and was off at its end. */
  #changed(vmid: number, guest: Guest | undefined, nowMs: number): void {
    const life = this.#of(vmid)
    if (this.#guests.has(vmid)) life.goneMs = life.offMs = nowMs
    life.pid = undefined
    if (!guest) return void this.#guests.delete(vmid)
    this.#guests.set(vmid, guest)
    guest.onProcessEnd.add(() => this.#ended(guest))
  }

  /** A process has ended. It ran until now, and began after the last look where that saw none. */
  #ended(guest: Guest): void {
    if (this.#guests.get(guest.vmid) !== guest) return
    const nowMs = performance.now()
    const life = this.#of(guest.vmid)
    if (life.pid === undefined) life.bornMs = nowMs
    life.onMs = nowMs
    // After a migration another process goes on with the guest.
    if (guest.process === undefined) life.offMs = nowMs
    life.pid = undefined
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
    return `${metadata.name} Succeeded, and VMID ${vmid} was never ${states[spec.command]} since it was asked for (last look ${Math.round(performance.now() - this.#lookedAtMs)} ms ago)`
  }

  #of(vmid: number): Life {
    const known = this.#lives.get(vmid) ?? { ...unknown }
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
