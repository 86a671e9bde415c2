// What an admin does in PVE by hand, to a guest of ours or beside it.
import { runHook } from '../../src/simulator/admin/hooks.ts'
import type { Guest } from '../../src/simulator/guests/guest.ts'
import type { AdminAction } from './history.ts'
import type { Account } from './ledger.ts'
import { nameOf, type Scene } from './scene.ts'

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
  lock: ({ scene, guest }) => runHook(scene.world.simulator.world, { op: 'lock', args: [guest.vmid, 'backup'] }),
  unlock: ({ scene, guest }) => runHook(scene.world.simulator.world, { op: 'unlock', args: [guest.vmid] }),
  async destroy({ scene, account, guest, path }) {
    if (guest.lock !== undefined) return
    account.wasDestroyed = true
    account.ownRule = undefined
    if (guest.isRunning) await scene.world.inPve('POST', `${path}/status/stop`)
    await scene.world.inPve('DELETE', path)
  },
  async addRule({ scene, account, path }) {
    const comment = `customer-${scene.number()}`
    await scene.world.inPve('POST', `${path}/firewall/rules`, {
      type: 'in',
      action: 'ACCEPT',
      proto: 'tcp',
      dport: '2222',
      enable: 1,
      comment,
    })
    account.ownRule = comment
  },
}

/** A guest of somebody else takes the VMID above the highest of ours: the one that is due next. */
export function plantStranger(scene: Scene, vmid: number): void {
  const { guests } = scene.world.simulator.world
  if (guests.has(vmid)) return
  scene.strangers.add(vmid)
  scene.world.addGuest(vmid, 'pve1')
  scene.tell(`  a stranger is VMID ${vmid}`)
}

/** Does nothing where the VM has no guest. */
export async function actAsAdmin(scene: Scene, does: AdminAction, vm: number, pick: number): Promise<void> {
  const account = scene.ledger.of(nameOf(vm))
  if (does === 'plantStranger') return plantStranger(scene, Math.max(10_000, ...scene.ledger.all().map((one) => one.vmid ?? 0)) + 1)
  const guest = scene.world.simulator.world.guests.get(account.vmid ?? 0)
  if (!guest || scene.strangers.has(guest.vmid)) return
  scene.ledger.touched(account)
  await acts[does]({ scene, account, guest, pick, path: `/nodes/${guest.node}/qemu/${guest.vmid}` })
  scene.ledger.touched(account)
}
