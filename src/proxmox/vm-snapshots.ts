/** Snapshots of one guest on PVE's wire. */
import type { Proxmox } from 'proxmox-api'
import type { At, Upid } from './answers.ts'
import { number, rowOf, rowsOf, text } from './fields.ts'
import { mustBeUpid } from './upid.ts'

/** A snapshot as PVE lists it. */
export interface ListedSnapshot {
  readonly name: string
  /** Seconds since the epoch, by PVE's clock. */
  readonly takenAt: number
  readonly withMemory: boolean
  readonly description: string
  /** `prepare` or `delete`: it is being worked on, or was left half done (qemu-server, snapshot_prepare). */
  readonly state?: string
}

type Calls = ReturnType<ReturnType<Proxmox.Api['nodes']['$']>['qemu']['$']>

/** One method per endpoint; all throw PveError. What answers a Upid has only started a task, and PVE checks nearly everything inside it. */
export class VmSnapshots {
  readonly #calls: Calls

  constructor(api: Proxmox.Api, at: At) {
    this.#calls = api.nodes.$(at.node).qemu.$(at.vmid)
  }

  /** Oldest first; PVE's own order is that of a hash, and its entry `current` is no snapshot. */
  async list(): Promise<ListedSnapshot[]> {
    const rows = rowsOf(await this.#calls.snapshot.$get()).filter((row) => text(row, 'name') !== 'current')
    const listed = rows.map((row): ListedSnapshot => {
      const state = text(row, 'snapstate')
      return {
        name: text(row, 'name') ?? '',
        takenAt: number(row, 'snaptime') ?? 0,
        withMemory: (number(row, 'vmstate') ?? 0) > 0,
        description: text(row, 'description') ?? '',
        ...(state !== undefined && { state }),
      }
    })
    return listed.toSorted((a, b) => a.takenAt - b.takenAt || a.name.localeCompare(b.name))
  }

  /** Whether every disk of the guest can be snapshotted where it lies. */
  async isPossible(): Promise<boolean> {
    return (number(rowOf(await this.#calls.feature.$get({ feature: 'snapshot' })), 'hasFeature') ?? 0) !== 0
  }

  /** The configuration a rollback would bring back. */
  async config(name: string): Promise<Readonly<Record<string, string>>> {
    const row = rowOf(await this.#calls.snapshot.$(name).config.$get())
    return Object.fromEntries(Object.keys(row).flatMap((key) => (text(row, key) === undefined ? [] : [[key, text(row, key) as string]])))
  }

  /** A name that is taken fails in the task. Memory of a guest that is off is left out in silence. */
  async take(o: { name: string; description: string; withMemory: boolean }): Promise<Upid> {
    return mustBeUpid(await this.#calls.snapshot.$post({ snapname: o.name, description: o.description, vmstate: o.withMemory }))
  }

  /** Those that were taken on top of it stay (qemu-server gives them its parent). */
  async delete(name: string): Promise<Upid> {
    return mustBeUpid(await this.#calls.snapshot.$(name).$delete())
  }

  /** Stops the guest. With memory PVE resumes it from there by itself; else it stays off (qemu-server, snapshot_rollback). */
  async rollback(name: string): Promise<Upid> {
    return mustBeUpid(await this.#calls.snapshot.$(name).rollback.$post())
  }
}
