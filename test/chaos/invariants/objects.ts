// Looks at the objects beside the guests: addresses that are free while in use, commands that say more than they did, requests at rest.
import { poolAddresses } from '../../../src/api/meta.ts'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import type { ProxmoxVMCommand } from '../../../src/api/proxmoxvmcommand.ts'
import type { Guest } from '../../../src/simulator/guests/guest.ts'
import type { Account, Asked } from '../ledger.ts'
import { commandsOf, type Scene, vmsOf } from '../scene.ts'
import { lostEntries, tellLost } from './entries.ts'
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

/** `qm cleanup` holds the lock of a guest for up to 30 s after a stop; commands wait for that, less what a list is old. */
const lockedForMs = 25_000

/** What it will have at its next start. */
const configured = (guest: Guest): string[] =>
  [/\bip=([\d.]+)/.exec(guest.pending.get('ipconfig0') ?? guest.config.get('ipconfig0') ?? '')?.[1] ?? []].flat()

export class ObjectWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  readonly #lives: GuestLives
  readonly #judged = new Set<string>()
  readonly #offAtRest = new Set<Account>()
  readonly #lostAtRest = new Map<Account, readonly string[]>()

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
    for (const command of commands) this.#command(command, commands)
    for (const vm of vms) {
      const account = this.#scene.ledger.ofUid(vm.metadata.uid ?? '')
      if (!account) continue
      account.vmid = vm.status?.vmid ?? account.vmid
      if (conditionOf(vm, 'Ready')?.status === 'True') account.wasReady = true
      const isBusy = commands.some((one) => one.spec.vmRef.name === account.name && !isOver(one))
      const isUnchanged = isQuiet.has(account) && account.writing === 0 && asked.get(account) === account.asked
      if (!isUnchanged || isBusy || account.isDeleted || !isAtRest(vm)) continue
      this.#closed(account)
      if (marked.has(account.uid ?? '')) this.#entries(account)
    }
  }

  /** Judged when they are missing at rest twice, as power is. */
  #entries(account: Account): void {
    const lost = lostEntries(this.#scene, account)
    for (const what of lost) if (this.#lostAtRest.get(account)?.includes(what)) tellLost(this.#verdicts, account, what)
    this.#lostAtRest.set(account, lost)
  }

  #closed(account: Account): void {
    account.mayStop = false
    account.mayDestroy = false
    account.mayStart = false
    account.mayBeMade = false
    account.restedAsked = account.asked
    const guest = this.#scene.world.simulator.world.guests.get(account.vmid ?? 0)
    const isRunning = guest?.isRunning ?? false
    // A backup may switch it off for a while, and HA does as it likes.
    const isOff = guest !== undefined && !isRunning && guest.lock === undefined && !account.isInHa
    const isLeftOff = account.shouldRun && isOff && !account.isSuspended
    // Judged when it is off at rest twice: what the list said of it may be older than what the guest is.
    if (isLeftOff) {
      const { name, vmid } = account
      const told = `${name} (VMID ${vmid}) ran before it was changed or suspended, is off and says Ready`
      if (this.#offAtRest.has(account)) this.#verdicts.broken('runsAgain', account.uid ?? name, told)
      this.#offAtRest.add(account)
      return
    }
    this.#offAtRest.delete(account)
    // Suspended, it starts with the end of that; one that an admin starts meanwhile is shut down, and the list shows that only later.
    account.shouldRun = account.isSuspended ? isOff : isRunning
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
  #command(command: ProxmoxVMCommand, all: readonly ProxmoxVMCommand[]): void {
    const { name } = command.metadata
    if (!isOver(command) || this.#judged.has(name)) return
    const asked = this.#scene.ledger.commands.get(name)
    const isOnly = all.every(
      ({ metadata, spec }) => metadata.name === name || spec.vmRef.name !== command.spec.vmRef.name || this.#judged.has(metadata.name),
    )
    this.#judged.add(name)
    if (!asked) return
    const { account } = asked
    const ageMs = this.#scene.world.clock.monotonicMs() - asked.atClockMs
    const { phase, message = '' } = command.status ?? {}
    this.#scene.tell(`    ${name} ${phase}: ${message}`)
    if (phase === 'Failed' && ageMs < lockedForMs && /can't lock file/.test(message))
      this.#verdicts.broken(
        'commandsAreTrue',
        name,
        `${name} failed after ${Math.round(ageMs / 1000)} s on a lock that PVE holds for up to 30 s: ${message}`,
      )
    if (phase !== 'Succeeded') return
    this.#lives.look(this.#scene.world.guests())
    const untruth = this.#lives.untruth(command, account.vmid ?? 0, asked.atMs)
    if (untruth) this.#verdicts.broken('commandsAreTrue', name, untruth)
    // Whoever switches a VM off wants it off, whatever was under way.
    const isOff = ['Stop', 'Shutdown'].includes(command.spec.command)
    if (!isOff || account.asked !== asked.asked || account.writing > 0) return
    // It was switched off before the reinstall that made it again.
    if (account.destroySentMs > asked.atMs) return
    if (isOnly && this.#isStartedSince(asked))
      this.#verdicts.broken('noStartUnasked', name, `${name} Succeeded, the operator has started the VM since, and nobody asked for that`)
    account.mayStart = false
  }

  /** It was switched off, and was on again before that could be seen. What a late request, a fault, an admin or PVE itself may have done is not counted. */
  #isStartedSince({ account, atMs, atClockMs }: Asked): boolean {
    const { vmid = 0, startSentMs, touchedAtMs, mayDestroy, isAlwaysOn, isInHa } = account
    const isOn = this.#scene.world.simulator.world.guests.get(vmid)?.isRunning ?? false
    const isOthers = mayDestroy || isAlwaysOn || isInHa || touchedAtMs > atClockMs || this.#scene.mayComeLate(vmid)
    return isOn && startSentMs > atMs && !isOthers
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
