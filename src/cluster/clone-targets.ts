import type { Upid } from '../proxmox/answers.ts'
import type { Pve } from '../proxmox/endpoints.ts'

const headLines = 5
/** VMIDs kept for those who ask again. */
const remembered = 5_000

/**
 * Which VMID a clone makes: a task carries the number of its template, and only its log names the new one
 * (`creating a clone of VM 900 with ID 200`, qemu-server clone_vm). Once said it stays, so each log is read once for all VMs that ask.
 */
export class CloneTargets {
  readonly #pve: Pick<Pve, 'taskLog'>
  readonly #known = new Map<Upid, number>()

  constructor(pve: Pick<Pve, 'taskLog'>) {
    this.#pve = pve
  }

  /** Undefined: the log does not say it, or not yet. */
  async of(upid: Upid): Promise<number | undefined> {
    const known = this.#known.get(upid)
    if (known !== undefined) return known
    const told = (await this.#pve.taskLog(upid, headLines)).flatMap((line) => / with ID (\d+)$/.exec(line)?.[1] ?? [])[0]
    if (told === undefined) return undefined
    this.#known.set(upid, Number(told))
    const [oldest] = this.#known.keys()
    if (this.#known.size > remembered && oldest !== undefined) this.#known.delete(oldest)
    return Number(told)
  }
}
