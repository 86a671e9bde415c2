// Looks at the guests as PVE really has them: marks, addresses, strangers, disks, and who should be off.
import { parseMark } from '../../../src/ladder/mark.ts'
import type { Guest } from '../../../src/simulator/guests/guest.ts'
import type { Account } from '../ledger.ts'
import type { Scene } from '../scene.ts'
import { ForeignWatch } from './foreign.ts'
import type { Verdicts } from './verdicts.ts'

/**
 * Beyond shutdownTimeout (3 s), in real time in which PVE could be asked: a pass, a task, a pause after a failure. The pauses after failures grow,
 * so a VM that was struck since has longer.
 */
const suspendWithinMs = { calm: 10_000, struck: 25_000 } as const

const mostBetweenLooksMs = 100

/** The account of the object whose mark the guest carries with its own VMID. */
export function ownerOf({ ledger }: Scene, guest: Guest): Account | undefined {
  const uid = uidOf(guest)
  return uid === undefined ? undefined : ledger.ofUid(uid)
}

export function uidOf(guest: Guest): string | undefined {
  const mark = parseMark(guest.config.get('description'))
  return mark?.vmid === guest.vmid ? mark.uid : undefined
}

/** What the system has that runs, or sleeps until it is resumed. */
export const addressesIn = (guest: Guest): string[] =>
  [...((guest.process?.inside ?? guest.asleep)?.addresses.values() ?? [])].flat().map(({ address }) => address)

export class GuestWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  readonly #foreign: ForeignWatch
  readonly #disks = new Map<Account, Set<string>>()
  readonly #running = new Map<Account, { ms: number; isStruck: boolean }>()
  #lookedAtMs = performance.now()

  constructor(scene: Scene, verdicts: Verdicts) {
    this.#scene = scene
    this.#verdicts = verdicts
    this.#foreign = new ForeignWatch(scene, verdicts)
  }

  /** `canAsk`: an operator runs and nothing is armed that may delay what is done to the VM. */
  look(canAsk: (vmid: number) => boolean): void {
    const nowMs = performance.now()
    // Where the machine is so loaded that looks are late, the operator in the same process is late too.
    const passedMs = Math.min(nowMs - this.#lookedAtMs, mostBetweenLooksMs)
    this.#lookedAtMs = nowMs
    const guests = this.#scene.world.guests()
    this.#marks(guests)
    this.#addresses(guests)
    this.#foreign.look()
    for (const account of this.#scene.ledger.all()) this.#disksOf(account)
    for (const guest of guests) this.#suspension(guest, canAsk(guest.vmid) ? passedMs : 0)
  }

  #marks(guests: readonly Guest[]): void {
    const byUid = Map.groupBy(guests, uidOf)
    for (const [uid, marked] of byUid) {
      if (uid === undefined || marked.length < 2) continue
      const name = this.#scene.ledger.ofUid(uid)?.name ?? uid
      this.#verdicts.broken('oneVM', uid, `VMIDs ${marked.map(({ vmid }) => vmid).join(' and ')} carry the mark of ${name}`)
    }
  }

  #addresses(guests: readonly Guest[]): void {
    const holders = new Map<string, number>()
    for (const guest of guests) {
      const configured = /\bip=([\d.]+)/.exec(guest.config.get('ipconfig0') ?? '')?.[1]
      const own = new Set([...addressesIn(guest), ...(configured && ownerOf(this.#scene, guest)?.mayDestroy === false ? [configured] : [])])
      const mac = ownerOf(this.#scene, guest) && /BC:24:11:[0-9A-F:]+/i.exec(guest.config.get('net0') ?? '')?.[0]
      if (mac) own.add(mac.toUpperCase())
      for (const address of own) {
        const other = holders.get(address)
        if (other !== undefined) this.#verdicts.broken('oneGuest', address, `${address} is in VMID ${other} and in VMID ${guest.vmid}`)
        holders.set(address, guest.vmid)
      }
    }
  }

  #disksOf(account: Account): void {
    const { wasReady, mayDestroy, wasDestroyed, vmid, uid } = account
    if (!wasReady || mayDestroy || wasDestroyed || vmid === undefined || uid === undefined) return void this.#disks.delete(account)
    const there = new Set(
      this.#scene.world.simulator.world.storage
        .ownedBy(vmid)
        .filter(({ content, name }) => content === 'images' && name.includes('disk-'))
        .map(({ storage, name }) => `${storage}:${name}`),
    )
    const before = this.#disks.get(account)
    if (!before) return void this.#disks.set(account, there)
    const gone = [...before].filter((disk) => !there.has(disk))
    if (gone.length > 0) this.#verdicts.broken('noLossUnasked', uid, `${account.name} (VMID ${vmid}) lost ${gone.join(', ')}`)
    for (const disk of there) before.add(disk)
  }

  #suspension(guest: Guest, passedMs: number): void {
    const account = ownerOf(this.#scene, guest)
    if (!account) return
    const { isSuspended, isPaused, isDeleted, name } = account
    const isUp = this.#scene.world.simulator.world.nodes.get(guest.node)?.online ?? false
    if (!isSuspended || isPaused || isDeleted || !guest.isRunning) return void this.#running.delete(account)
    const before = this.#running.get(account) ?? { ms: 0, isStruck: false }
    const isHindered = passedMs === 0 || !isUp || guest.lock !== undefined
    const now = { ms: before.ms + (isHindered ? 0 : passedMs), isStruck: before.isStruck || isHindered }
    this.#running.set(account, now)
    if (now.ms > suspendWithinMs[now.isStruck ? 'struck' : 'calm'])
      this.#verdicts.broken(
        'suspendedIsOff',
        account.uid ?? name,
        `${name} (VMID ${guest.vmid}) is suspended and runs for ${Math.round(now.ms / 1000)} s`,
      )
  }
}
