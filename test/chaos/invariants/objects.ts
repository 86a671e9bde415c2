// Looks at the objects beside the guests: addresses that are free while in use, commands that say more than they did, requests at rest.
import { poolAddresses } from '../../../src/api/meta.ts'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import type { ProxmoxVMCommand } from '../../../src/api/proxmoxvmcommand.ts'
import type { Guest } from '../../../src/simulator/guests/guest.ts'
import type { Account } from '../ledger.ts'
import { commandsOf, type Scene, vmsOf } from '../scene.ts'
import { addressesIn, uidOf } from './guests.ts'
import type { GuestLives } from './lives.ts'
import type { Verdicts } from './verdicts.ts'

const conditionOf = (object: ProxmoxVM | ProxmoxVMCommand, type: string) => object.status?.conditions?.find((one) => one.type === type)

export const isOver = (command: ProxmoxVMCommand): boolean => ['Succeeded', 'Failed'].includes(command.status?.phase ?? '')

/** Converged to its present spec, with nothing under way. */
export function isAtRest(vm: ProxmoxVM): boolean {
  const { spec, status, metadata } = vm
  const asked = spec.reinstall?.requestID
  const restore = spec.restore?.requestID
  const isRestored = restore === undefined || (status?.restore?.completedIDs ?? []).includes(restore)
  const isReinstalled = asked === undefined || (status?.reinstall?.completedIDs ?? []).includes(asked)
  return (
    conditionOf(vm, 'Ready')?.status === 'True' &&
    status?.observedGeneration === metadata.generation &&
    status?.reinstall?.running === undefined &&
    status?.restore?.running === undefined &&
    status?.rollback?.running === undefined &&
    isReinstalled &&
    isRestored
  )
}

/** What it will have at its next start. */
const configured = (guest: Guest): string[] =>
  [/\bip=([\d.]+)/.exec(guest.pending.get('ipconfig0') ?? guest.config.get('ipconfig0') ?? '')?.[1] ?? []].flat()

export class ObjectWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  readonly #lives: GuestLives
  readonly #judged = new Set<string>()

  constructor(scene: Scene, verdicts: Verdicts, lives: GuestLives) {
    this.#scene = scene
    this.#verdicts = verdicts
    this.#lives = lives
  }

  async look(): Promise<void> {
    this.#scene.ledger.looks += 1
    await this.#addresses()
    const asked = new Map(this.#scene.ledger.all().map((account) => [account, account.asked]))
    const isQuiet = new Set(this.#scene.ledger.all().filter(({ writing }) => writing === 0))
    const commands = await commandsOf(this.#scene)
    const marked = new Set(this.#scene.world.guests().flatMap((guest) => uidOf(guest) ?? []))
    const vms = await vmsOf(this.#scene)
    this.#forgotten(marked, vms)
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
    account.mayStart = false
    account.mayBeMade = false
    account.shouldRun = this.#scene.world.simulator.world.guests.get(account.vmid ?? 0)?.isRunning ?? false
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
        return known
          ? [...new Set([...addressesIn(guest), ...configured(guest)])].map(
              (address) => [`${uid} ${address}`, { uid, address, vmid: guest.vmid }] as const,
            )
          : []
      }),
    )
  }

  /** Judged once, when it is first seen over. */
  #command(command: ProxmoxVMCommand): void {
    const { name } = command.metadata
    if (!isOver(command) || this.#judged.has(name)) return
    this.#judged.add(name)
    const asked = this.#scene.ledger.commands.get(name)
    if (command.status?.phase !== 'Succeeded' || !asked) return
    const { account } = asked
    this.#lives.look(this.#scene.world.guests())
    const untruth = this.#lives.untruth(command, account.vmid ?? 0, asked.atMs)
    if (untruth) this.#verdicts.broken('commandsAreTrue', name, untruth)
    // Whoever switches a VM off wants it off, whatever was under way.
    const isOff = ['Stop', 'Shutdown'].includes(command.spec.command)
    if (isOff && account.asked === asked.asked && account.writing === 0) account.mayStart = false
  }

  /** Guests that are there before and after a list without their objects. */
  #forgotten(before: ReadonlySet<string>, vms: readonly ProxmoxVM[]): void {
    const living = new Set(vms.map(({ metadata }) => metadata.uid))
    for (const guest of this.#scene.world.guests()) {
      const uid = uidOf(guest)
      if (uid === undefined || !before.has(uid) || living.has(uid) || this.#scene.ledger.orphans.has(uid)) continue
      const name = this.#scene.ledger.ofUid(uid)?.name
      if (name !== undefined) this.#verdicts.broken('noneForgotten', uid, `VMID ${guest.vmid} of ${name} is in PVE, and its object is gone`)
    }
  }
}
