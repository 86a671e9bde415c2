// What an admin does in PVE by hand, to a guest of ours or beside it.
import { runHook } from '../../src/simulator/admin/hooks.ts'
import { Guest } from '../../src/simulator/guests/guest.ts'
import type { AdminAction } from './history.ts'
import { type Account, loseHung } from './ledger.ts'
import { strip } from '../ownership/losing.ts'
import { nameOf, peoplesPool, type Scene } from './scene.ts'

interface Hand {
  readonly scene: Scene
  readonly account: Account
  readonly guest: Guest
  readonly path: string
  readonly pick: number
}

const acts: Record<Exclude<AdminAction, 'plantStranger'>, (hand: Hand) => Promise<unknown> | void> = {
  stop: ({ scene, path }) => scene.world.inPve('POST', `${path}/status/stop`),
  start: ({ scene, path }) => scene.world.inPve('POST', `${path}/status/start`),
  migrate({ scene, guest, path, pick }) {
    const others = [...scene.world.simulator.world.nodes.keys()].filter((node) => node !== guest.node)
    const target = others[Math.floor(pick * others.length)] ?? ''
    return scene.world.inPve('POST', `${path}/migrate`, { target, online: guest.isRunning ? 1 : 0, 'with-local-disks': 1 })
  },
  async hibernate({ scene, guest, path, pick }) {
    if (!guest.isRunning || guest.lock !== undefined) return
    await scene.world.inPve('POST', `${path}/status/suspend`, { todisk: 1 })
    // Mostly it wakes up again, with what it had.
    if (pick < 0.8) await scene.world.inPve('POST', `${path}/status/start`)
  },
  editConfig({ scene, guest, path, pick }) {
    const disk = guest.config.get('scsi0')
    if (pick < 0.5 || !disk) return scene.world.inPve('PUT', `${path}/config`, { cpuunits: 100 + Math.floor(pick * 1000) })
    // An option of a drive that PVE takes only at the next start: it is pending on a running guest.
    return scene.world.inPve('PUT', `${path}/config`, {
      scsi0: `${disk.replace(/,cache=\w+/, '')},cache=${pick < 0.75 ? 'writeback' : 'none'}`,
    })
  },
  /** What the guest runs with is another thing then than its spec says, and only a restart would put that right. */
  async editAndRestart({ scene, account, guest, path, pick }) {
    if (guest.lock !== undefined || !guest.isRunning) return
    // What is under way may bring a restart along until it is at rest the next time; and so may any edit from now on.
    account.hasDrift = true
    if (!account.isManual && account.restedAsked !== account.asked) account.mayStop = account.mayStart = true
    await scene.world.inPve('PUT', `${path}/config`, { cores: 1 + Math.floor(pick * 4) })
    await scene.world.inPve('POST', `${path}/status/stop`)
    await scene.world.inPve('POST', `${path}/status/start`)
  },
  lock: ({ scene, guest }) => runHook(scene.world.simulator.world, { op: 'lock', args: [guest.vmid, 'backup'] }),
  unlock: ({ scene, guest }) => runHook(scene.world.simulator.world, { op: 'unlock', args: [guest.vmid] }),
  async destroy({ scene, account, guest, path }) {
    if (guest.lock !== undefined) return
    account.wasDestroyed = true
    loseHung(account)
    if (guest.isRunning) await scene.world.inPve('POST', `${path}/status/stop`)
    await scene.world.inPve('DELETE', path)
  },
  async hangOn(hand) {
    // What is hung on a VM that is just being made anew may be lost, and nobody could know of it.
    if (hand.account.mayDestroy) return
    const kind = kinds[Math.floor(hand.pick * 97) % kinds.length] ?? 'rules'
    const name = `people-${hand.scene.number()}`
    await hung[kind](hand, name)
    if (!hand.account.mayDestroy && hand.account.vmid === hand.guest.vmid) hand.account.own[kind].add(name)
  },
  async toPool({ scene, account, guest }) {
    const { pools } = scene.world.simulator.world.access
    if (account.mayDestroy || [...pools.values()].some(({ vms }) => vms.has(guest.vmid))) return
    await scene.world.inPve('PUT', '/pools', { poolid: peoplesPool, vms: guest.vmid })
    if (!account.mayDestroy && account.vmid === guest.vmid) account.own.pools.add(peoplesPool)
  },
  /** As after a restore of the objects without their status: what the operator knew of the VM is gone. */
  async loseStatus({ scene, account }) {
    // Only of one at rest: what is under way stands nowhere else.
    if (!account.wasReady || account.mayDestroy || account.mayBeMade || account.isDeleted) return
    account.restedAsked = undefined
    await strip(scene.world, account.name)
    account.restedAsked = undefined
  },
  backup({ scene, account, guest }) {
    const { storage, name } = scene.world.addBackup(guest.vmid, scene.world.simulator.world.clock.now())
    if (!account.isDeleted) account.own.backups.add(`${storage}:${name}`)
  },
  async haAdd({ scene, account, guest, path }) {
    // Only disks that every node reaches; a VM that is just being made anew must not be in HA, which would refuse its end.
    if (!guest.config.get('scsi0')?.startsWith('ceph:') || account.mayDestroy || account.isInHa || path === '') return
    account.isInHa = true
    const resource = { sid: `vm:${guest.vmid}`, state: guest.isRunning ? 'started' : 'stopped' }
    await scene.world.inPve('POST', '/cluster/ha/resources', resource).finally(() => noteHa(scene, account, guest.vmid))
  },
  async haRemove({ scene, account, guest }) {
    if (!account.isInHa) return
    account.isInHa = false
    await scene.world.inPve('DELETE', `/cluster/ha/resources/vm:${guest.vmid}`).finally(() => noteHa(scene, account, guest.vmid))
  },
  /** The VM is destroyed, and somebody makes another one under its number. */
  async replace(hand) {
    await acts.destroy(hand)
    if (hand.scene.world.simulator.world.guests.has(hand.guest.vmid)) return
    plantStranger(hand.scene, hand.guest.vmid)
  },
  /** A clone by hand takes the description along, so the mark with the number of the first. */
  copy({ scene, guest }) {
    const vmid = 500 + scene.number()
    const { guests } = scene.world.simulator.world
    const copy = new Guest(vmid, guest.node, 'qemu', new Map([...guest.config].filter(([key]) => !/^(?:scsi|ide|lock)/.test(key))))
    copy.config.set('net0', 'virtio=BC:24:11:00:00:01,bridge=vmbr0')
    guests.set(vmid, copy)
    scene.strangers.set(vmid, scene.ledger.looks)
  },
}

/** PVE may have refused it, without quorum for instance. */
function noteHa({ world }: Scene, account: Account, vmid: number): void {
  account.isInHa = world.simulator.world.ha.resources.has(`vm:${vmid}`)
}

type Hung = 'rules' | 'aliases' | 'sets'
const kinds: readonly Hung[] = ['rules', 'rules', 'aliases', 'sets']

/** What customers and admins hang on a guest's firewall beside ours. */
const hung: Record<Hung, (hand: Hand, name: string) => Promise<unknown>> = {
  rules: ({ scene, path }, comment) =>
    scene.world.inPve('POST', `${path}/firewall/rules`, {
      type: 'in',
      action: 'ACCEPT',
      proto: 'tcp',
      dport: '2222',
      enable: 1,
      comment,
    }),
  aliases: ({ scene, path }, name) => scene.world.inPve('POST', `${path}/firewall/aliases`, { name, cidr: '192.0.2.7' }),
  async sets({ scene, path }, name) {
    await scene.world.inPve('POST', `${path}/firewall/ipset`, { name })
    await scene.world.inPve('POST', `${path}/firewall/ipset/${name}`, { cidr: '192.0.2.9' })
  },
}

/** A guest of somebody else takes the VMID above the highest of ours: the one that is due next. */
export function plantStranger(scene: Scene, vmid: number, sinceLook = scene.ledger.looks): void {
  const { guests } = scene.world.simulator.world
  if (guests.has(vmid)) return
  scene.strangers.set(vmid, sinceLook)
  scene.world.addGuest(vmid, 'pve1')
  scene.tell(`  a stranger is VMID ${vmid}`)
}

/** These leave the power as it is. */
const powerStaysAfter = new Set<AdminAction>(['editConfig', 'copy', 'hangOn', 'toPool', 'backup'])

/** Does nothing where the VM has no guest. */
export async function actAsAdmin(scene: Scene, does: AdminAction, vm: number, pick: number): Promise<void> {
  const account = scene.ledger.of(nameOf(vm))
  if (does === 'plantStranger') return plantStranger(scene, Math.max(10_000, ...scene.ledger.all().map((one) => one.vmid ?? 0)) + 1)
  const guest = scene.world.simulator.world.guests.get(account.vmid ?? 0)
  if (!guest || scene.strangers.has(guest.vmid)) return
  if (does === 'replace' && scene.mayComeLate(guest.vmid)) return
  scene.ledger.touched(account)
  const mayEndOff = !powerStaysAfter.has(does)
  if (mayEndOff) account.shouldRun = false
  account.writing += 1
  try {
    await acts[does]({ scene, account, guest, pick, path: `/nodes/${guest.node}/qemu/${guest.vmid}` })
  } finally {
    account.writing -= 1
    // It may have been at rest in between.
    if (mayEndOff) account.shouldRun = false
    scene.ledger.touched(account)
  }
}
