// What users do: each action writes to the API server what a person would, and notes first in the ledger what it allows.
import { proxmoxVMCommands, proxmoxVMs } from '../../src/api/meta.ts'
import { pausedAnnotation } from '../../src/api/group.ts'
import { type CopyAction, copyActs } from './copies.ts'
import type { UserAction } from './history.ts'
import type { Account, Permission } from './ledger.ts'
import { nameOf, type Scene } from './scene.ts'
import { isAlwaysOn, isManual } from './vms.ts'

interface Doing {
  readonly scene: Scene
  readonly account: Account
  readonly vm: number
  /** In [0, 1), from the history. */
  readonly pick: number
}

type Act = (doing: Doing) => Promise<unknown>

/** `needsRestart`: the guest takes it only at a restart, which restartPolicy Manual leaves to people. */
type May = Permission & { readonly needsRestart?: boolean }
/** What is asked allows so much, perhaps by what the VM is like then. */
type Allowing = May | ((doing: Doing) => May)
const allowed = (may: Allowing, doing: Doing): May => (typeof may === 'function' ? may(doing) : may)

const edit =
  (spec: (doing: Doing) => object, allows: Allowing = {}): Act =>
  (doing) => {
    const { isManual, hasDrift } = doing.account
    const may = allowed(allows, doing)
    const stop = (may.needsRestart === true || hasDrift) && !isManual
    doing.scene.ledger.ask(doing.account, { ...may, ...(stop && { stop }) })
    return doing.scene.world.edit(doing.account.name, { spec: spec(doing) })
  }

const command =
  (word: string, allows: Allowing = {}, more: object = {}): Act =>
  async (doing) => {
    const { scene, account } = doing
    scene.ledger.ask(account, allowed(allows, doing))
    const asked = { account, asked: account.asked, atMs: performance.now(), atClockMs: scene.world.clock.monotonicMs() }
    const name = `${account.name}-${word.toLowerCase()}-${scene.number()}`
    scene.ledger.commands.set(name, asked)
    await scene.world.client.create(proxmoxVMCommands, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVMCommand',
      metadata: { name, namespace: scene.world.namespace },
      spec: { vmRef: { name: account.name }, command: word, ...more },
    } as never)
  }

const remove =
  (deletionPolicy: 'Terminate' | 'Remove' | 'Orphan'): Act =>
  async ({ scene, account }) => {
    if (account.isDeleted) return
    const isOrphan = deletionPolicy === 'Orphan'
    scene.ledger.ask(account, isOrphan ? {} : { destroy: true })
    if (isOrphan && account.uid) scene.ledger.orphans.add(account.uid)
    await scene.world.edit(account.name, { spec: { deletionPolicy } })
    account.isDeleted = true
    account.isOrphan = isOrphan
    account.isTerminated = deletionPolicy === 'Terminate'
    await scene.world.delete(account.name)
  }

const annotate =
  (isPaused: boolean): Act =>
  async ({ scene, account }) => {
    scene.ledger.ask(account, {})
    account.isPaused = isPaused
    // It is not known to anybody until it is written.
    account.pausedAtLook = Infinity
    const annotations = { [pausedAnnotation]: isPaused ? 'true' : null }
    await scene.world.client.mergePatch(proxmoxVMs, { namespace: scene.world.namespace, name: account.name }, { metadata: { annotations } })
    account.pausedAtLook = scene.ledger.looks
  }

/** Every fourth lies on a storage that all nodes reach, so that HA can take it elsewhere. */
function templateOf(vm: number): object {
  if (vm % 4 === 3) return { name: 'ubuntu-24.04', clone: 'Full', storage: 'ceph' }
  return vm % 2 === 0 ? { name: 'debian-13', clone: 'Full', storage: 'local-lvm' } : { name: 'debian-13', clone: 'Linked' }
}

const create: Act = async ({ scene, vm, pick }) => {
  const name = nameOf(vm)
  const made = await scene.world.apply(name, {
    template: templateOf(vm),
    package: {
      cpu: { cores: 1 },
      memory: { size: '1Gi' },
      systemDisk: { size: '12Gi' },
      ...(vm % 3 === 0 && { additionalDisks: [{ name: 'data', size: '2Gi', storage: 'local-lvm' }] }),
      network: { bridge: 'vmbr0', firewall: true },
      firewall: { enabled: true, antiSpoofing: true, rules: [{ name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' }] },
    },
    addresses: [{ name: 'main', poolRef: { name: scene.pools[pick < 0.7 ? 0 : 1] } }],
    cloudInit: { user: 'admin' },
    restartPolicy: isManual(vm) ? 'Manual' : 'WhenNeeded',
    runStrategy: isAlwaysOn(vm) ? 'Always' : 'Once',
    shutdownTimeout: '3s',
  })
  const account = scene.ledger.born(name, made.metadata.uid ?? '')
  account.isAlwaysOn = isAlwaysOn(vm)
  account.isManual = isManual(vm)
}

const suspend =
  (isOn: boolean): Act =>
  async (doing) => {
    const { scene, account } = doing
    scene.ledger.ask(account, { stop: isOn, start: !isOn })
    if (!isOn) account.isSuspended = false
    await scene.world.edit(account.name, { spec: { suspensions: isOn ? [{ by: 'abuse', reason: 'chaos' }] : null } })
    account.suspendedAtLook = scene.ledger.looks
    if (isOn) account.isSuspended = true
  }

/** A reinstall without its package must wait for that before it destroys anything, as far as an operator must know that the package is lost. */
function remakes({ scene, account }: Doing): Permission {
  const isImpossible = account.packageLostAtLook !== undefined && scene.ledger.isKnownSince(account.packageLostAtLook)
  if (isImpossible) account.waitsForPackage = true
  return isImpossible ? {} : { destroy: true }
}

const losePackage: Act = async (doing) => {
  await edit(() => ({ packageRef: { name: 'no-such-package' } }))(doing)
  doing.account.packageLostAtLook ??= doing.scene.ledger.looks
}

const packageBack = edit(
  () => ({ packageRef: null }),
  ({ account }) => {
    const { waitsForPackage } = account
    account.packageLostAtLook = undefined
    account.waitsForPackage = false
    return waitsForPackage ? { destroy: true } : {}
  },
)

const reinstall = (isPossible: boolean): Act =>
  edit(
    ({ scene }) => ({
      reinstall: { requestID: `chaos-${scene.number()}`, ...(!isPossible && { template: { name: 'no-such-template' } }) },
    }),
    isPossible ? remakes : {},
  )

const copy =
  (does: CopyAction): Act =>
  (doing) =>
    copyActs[does]({ ...doing, press: (word, may, more) => command(word, may, more)(doing) })

const acts: Record<UserAction, Act> = {
  create,
  delete: remove('Terminate'),
  deleteByRemove: remove('Remove'),
  deleteByOrphan: remove('Orphan'),
  suspend: suspend(true),
  unsuspend: suspend(false),
  changeLive: edit(({ pick }) => ({ package: { cpu: { units: 100 + Math.floor(pick * 800) } } })),
  changeCold: edit(({ pick }) => ({ package: { cpu: { cores: 1 + Math.floor(pick * 4) } } }), { needsRestart: true }),
  growDisk: edit(({ pick }) => ({ package: { systemDisk: { size: `${12 + Math.floor(pick * 20)}Gi` } } })),
  changeAddress: edit(
    ({ scene, pick }) => ({
      addresses: [{ name: pick < 0.5 ? 'main' : 'second', poolRef: { name: scene.pools[pick % 0.5 < 0.25 ? 0 : 1] } }],
    }),
    { needsRestart: true },
  ),
  rename: edit(({ vm, scene }) => ({ hostname: `vm-${vm}-n${scene.number()}` })),
  // Nothing of its package can be resolved any more.
  packageLost: losePackage,
  packageBack,
  reinstall: reinstall(true),
  reinstallImpossible: reinstall(false),
  Reinstall: command('Reinstall', remakes),
  ReinstallImpossible: command('Reinstall', {}, { template: { name: 'no-such-template' } }),
  Start: command('Start', { start: true }),
  Stop: command('Stop', { stop: true, start: false }),
  Shutdown: command('Shutdown', { stop: true, start: false }),
  Reboot: command('Reboot', { stop: true }),
  Remove: command('Remove', { destroy: true }),
  Clone: command('Clone', { make: true, start: true }),
  ChangePackage: command('ChangePackage', { stop: true }),
  snapshot: copy('snapshot'),
  deleteSnapshot: copy('deleteSnapshot'),
  rollback: copy('rollback'),
  makeBackup: copy('makeBackup'),
  restore: copy('restore'),
  pause: annotate(true),
  resume: annotate(false),
}

/** After these a VM that ran, or that was off by its suspension, runs again by itself. */
const runsAgainAfter = new Set<UserAction>([
  'unsuspend',
  'changeLive',
  'changeCold',
  'growDisk',
  'changeAddress',
  'rename',
  'packageLost',
  'packageBack',
  'reinstall',
  'reinstallImpossible',
  'Reinstall',
  'ReinstallImpossible',
  'ChangePackage',
  'snapshot',
  'deleteSnapshot',
  'pause',
  'resume',
])

/** Carries it out; what the API server refuses (there is no such VM, there is one already) is a fault of the promise. */
export async function actAsUser(scene: Scene, does: UserAction, vm: number, pick: number): Promise<void> {
  const name = nameOf(vm)
  // An object whose creation is on its way has its account only when the answer is here.
  if (does !== 'create') await scene.ledger.births.get(name)
  const account = scene.ledger.of(name)
  account.writing += 1
  if (!runsAgainAfter.has(does)) account.shouldRun = false
  const work = acts[does]({ scene, account, vm, pick }).finally(() => (account.writing -= 1))
  if (does === 'create') scene.ledger.births.set(name, Promise.allSettled([work, scene.ledger.births.get(name)]))
  await work
}
