// Looks at the objects beside the guests: addresses that are free while in use, commands that say more than they did, requests at rest.
import { poolAddresses } from '../../../src/api/meta.ts'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import type { ProxmoxVMCommand } from '../../../src/api/proxmoxvmcommand.ts'
import type { Account } from '../ledger.ts'
import { commandsOf, type Scene, vmsOf } from '../scene.ts'
import { addressesIn, uidOf } from './guests.ts'
import type { Verdicts } from './verdicts.ts'

const conditionOf = (object: ProxmoxVM | ProxmoxVMCommand, type: string) => object.status?.conditions?.find((one) => one.type === type)

export const isOver = (command: ProxmoxVMCommand): boolean => ['Succeeded', 'Failed'].includes(command.status?.phase ?? '')

/** Converged to its present spec, with nothing under way. */
export function isAtRest(vm: ProxmoxVM): boolean {
  const { spec, status, metadata } = vm
  const asked = spec.reinstall?.requestID
  const isReinstalled = asked === undefined || (status?.reinstall?.completedIDs ?? []).includes(asked)
  return (
    conditionOf(vm, 'Ready')?.status === 'True' &&
    status?.observedGeneration === metadata.generation &&
    status?.reinstall?.running === undefined &&
    isReinstalled
  )
}

export class ObjectWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  readonly #judged = new Set<string>()

  constructor(scene: Scene, verdicts: Verdicts) {
    this.#scene = scene
    this.#verdicts = verdicts
  }

  async look(): Promise<void> {
    await this.#addresses()
    const asked = new Map(this.#scene.ledger.all().map((account) => [account, account.asked]))
    const isQuiet = new Set(this.#scene.ledger.all().filter(({ writing }) => writing === 0))
    const commands = await commandsOf(this.#scene)
    const vms = await vmsOf(this.#scene)
    for (const command of commands) this.#command(command)
    for (const vm of vms) {
      const account = this.#scene.ledger.ofUid(vm.metadata.uid ?? '')
      if (!account) continue
      account.vmid = vm.status?.vmid ?? account.vmid
      if (conditionOf(vm, 'Ready')?.status === 'True') account.wasReady = true
      const isBusy = commands.some((one) => one.spec.vmRef.name === account.name && !isOver(one))
      const isUnchanged = isQuiet.has(account) && account.writing === 0 && asked.get(account) === account.asked
      if (isUnchanged && !isBusy && !account.isDeleted && isAtRest(vm)) this.#closed(account)
    }
  }

  #closed(account: Account): void {
    account.mayStop = false
    account.mayDestroy = false
    account.wasDestroyed = false
  }

  /** A guest that has an address before and after the list had it all the while: it must be held for it. */
  async #addresses(): Promise<void> {
    const before = this.#held()
    const all = await this.#scene.world.client.list(poolAddresses)
    const after = this.#held()
    const byAddress = new Map(all.filter(({ spec }) => spec.scope === this.#scene.world.cluster).map((one) => [one.spec.address, one.spec]))
    for (const [key, { uid, address, vmid }] of before) {
      if (!after.has(key)) continue
      const claim = byAddress.get(address)
      if (claim?.claimRef?.uid === uid || claim?.inUse) continue
      const state = claim?.claimRef ? `given to ${claim.claimRef.name}` : 'free'
      this.#verdicts.broken(
        'noFreeAddress',
        key,
        `${address} is ${state}, and VMID ${vmid} of ${this.#scene.ledger.ofUid(uid)?.name} has it`,
      )
    }
  }

  #held(): Map<string, { uid: string; address: string; vmid: number }> {
    return new Map(
      this.#scene.world.guests().flatMap((guest) => {
        const uid = uidOf(guest)
        const known = uid !== undefined && this.#scene.ledger.ofUid(uid)
        return known ? addressesIn(guest).map((address) => [`${uid} ${address}`, { uid, address, vmid: guest.vmid }] as const) : []
      }),
    )
  }

  /** Only where nobody and nothing touched the VM since it was asked. */
  #command(command: ProxmoxVMCommand): void {
    const { name, creationTimestamp } = command.metadata
    if (!isOver(command) || this.#judged.has(name)) return
    this.#judged.add(name)
    const account = this.#scene.ledger.of(command.spec.vmRef.name)
    const asked = this.#scene.ledger.commands.get(name)
    if (command.status?.phase !== 'Succeeded' || !asked || asked.asked !== account.asked || account.touchedAtMs > asked.atMs + 50) return
    const guest = this.#scene.world.simulator.world.guests.get(account.vmid ?? 0)
    const word = command.spec.command
    const isRunning = guest?.isRunning ?? false
    const isYoung = (guest?.process?.inside.bootedAtMs ?? 0) >= Date.parse(String(creationTimestamp)) - 1000
    const isTrue =
      { Start: isRunning, Reboot: isRunning && isYoung, Remove: guest === undefined, Stop: !isRunning, Shutdown: !isRunning }[
        word as string
      ] ?? true
    if (!isTrue)
      this.#verdicts.broken(
        'commandsAreTrue',
        name,
        `${name} Succeeded (${command.status.message}), and VMID ${account.vmid} ${isRunning ? 'runs' : 'is off'}`,
      )
  }
}
