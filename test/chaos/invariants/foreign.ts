// What is nobody's of ours and must stay as it is: guests of strangers, templates, their volumes, old backups, other people's backup jobs.
import { configText } from '../../../src/simulator/guests/guest.ts'
import { fromTheStart, hasFile, oldBackups, peoplesJob, type Scene } from '../scene.ts'
import type { Verdicts } from './verdicts.ts'

export class ForeignWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  readonly #guests = new Map<number, string>()

  constructor(scene: Scene, verdicts: Verdicts) {
    this.#scene = scene
    this.#verdicts = verdicts
  }

  look(): void {
    const { world } = this.#scene.world.simulator
    const templates = [...world.guests.values()].filter(({ isTemplate }) => isTemplate).map(({ vmid }) => vmid)
    // One that takes the place of ours may be met by a request that had been decided on before.
    for (const [vmid, sinceLook] of this.#scene.strangers) if (this.#scene.ledger.isKnownSince(sinceLook)) this.#guest(vmid)
    for (const vmid of new Set([...templates, ...this.#guests.keys()])) this.#guest(vmid)
    for (const volume of oldBackups)
      if (!hasFile(this.#scene, volume))
        this.#verdicts.broken('foreignUntouched', volume, `the backup ${volume} is older than any VM of ours and is gone`)
    const named = String(world.backupJobs.get(peoplesJob)?.['vmid'] ?? '').split(',')
    for (const [vmid, sinceLook] of this.#scene.strangers)
      if (sinceLook === fromTheStart && !named.includes(String(vmid)))
        this.#verdicts.broken(
          'foreignUntouched',
          `job ${vmid}`,
          `the backup job ${peoplesJob} lost VMID ${vmid}, which is nobody's of ours`,
        )
  }

  #guest(vmid: number): void {
    const guest = this.#scene.world.simulator.world.guests.get(vmid)
    const volumes = this.#scene.world.simulator.world.storage.ownedBy(vmid).filter(({ content }) => content === 'images')
    const now = guest ? `${configText(guest)}${guest.isRunning} ${guest.node} ${volumes.map(({ name }) => name).join()}` : 'gone'
    const before = this.#guests.get(vmid) ?? now
    this.#guests.set(vmid, before)
    if (now !== before) this.#verdicts.broken('foreignUntouched', vmid, `VMID ${vmid} is nobody's of ours and was changed: ${now}`)
  }
}
