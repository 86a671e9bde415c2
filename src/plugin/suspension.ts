import { apiVersion } from '../api/group.ts'
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { isConflict } from '../kube/kube-error.ts'
import { holdersOf, isSuspended } from '../want/suspension.ts'
import { confirmAtTerminal } from './confirm.ts'
import { holdersOfSuspension } from './own-fields.ts'
import { showDryRun } from './plan-page.ts'
import { fieldManager, sameVM, mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { isReadyAt, waitForVM } from './waiting.ts'
import { conditionOf } from '../api/condition.ts'

export interface SuspendOptions {
  by: string
  reason: string
  force?: boolean
  yes?: boolean
  wait: boolean
  timeout?: number
  output?: 'json'
}

const tries = 5

/** One field manager a holder: what one of them applies never takes away what another did. */
const managerOf = (by: string) => `${fieldManager}-suspend-${by}`

/** Puts one entry into spec.suspensions and waits until the VM is off. */
export async function suspendVM(session: Session, name: string, o: SuspendOptions): Promise<void> {
  const before = await mustGetVM(session, name)
  const isRunning = before.status?.remoteStatus === 'running'
  await confirmAtTerminal(session, isRunning ? `Shut down ${session.namespace}/${name} and keep it off?` : undefined, o.yes)
  const applied = await apply(session, before, o.by, [{ by: o.by, reason: o.reason }], o.force ?? false)
  await finish(session, applied, o, {
    isDone: (vm) => isJudged(vm, applied) && conditionOf(vm.status?.conditions, 'Suspended')?.status === 'True',
    done: (vm) => `suspend ${name}: the VM is off, held by ${holdersOf(vm)}`,
    begun: `suspend ${name}: held by ${holdersOf(applied)}; the VM is being shut down`,
  })
}

/** Takes the entry of this holder away, and waits until the VM runs again unless somebody else holds it, too. */
export async function unsuspend(session: Session, name: string, o: Omit<SuspendOptions, 'reason'>): Promise<void> {
  const before = await mustGetVM(session, name)
  const held = before.spec.suspensions?.some(({ by }) => by === o.by)
  if (!held) throw new PluginRefusal(`unsuspend ${name}: "${o.by}" has no suspension on it; ${holding(before)}`)
  const applied = o.force ? await remove(session, before, o.by) : await apply(session, before, o.by, undefined, false)
  if (applied.spec.suspensions?.some(({ by }) => by === o.by)) {
    const writers = holdersOfSuspension(applied, o.by).join(', ')
    throw new PluginRefusal(`unsuspend ${name}: the entry of "${o.by}" was written by ${writers}; remove it there, or here with --force`)
  }
  await finish(session, applied, o, {
    isDone: (vm) => isJudged(vm, applied) && (isSuspended(vm) || isReadyAt(vm, applied.metadata.generation ?? 0)),
    done: (vm) =>
      `unsuspend ${name}: ${isSuspended(vm) ? holding(vm) : `no suspension is left; the VM is ${vm.status?.remoteStatus ?? 'there'}`}`,
    begun: `unsuspend ${name}: ${holding(applied)}`,
  })
}

const holding = (vm: ProxmoxVM) => (isSuspended(vm) ? `still suspended by ${holdersOf(vm)}` : 'nobody holds it')

const isJudged = ({ status }: ProxmoxVM, { metadata }: ProxmoxVM) =>
  (conditionOf(status?.conditions, 'Suspended')?.observedGeneration ?? -1) >= (metadata.generation ?? 0)

async function apply({ client }: Session, vm: ProxmoxVM, by: string, suspensions: ProxmoxVM['spec']['suspensions'], force: boolean) {
  const wish = { apiVersion, kind: 'ProxmoxVM', metadata: sameVM(vm), ...(suspensions && { spec: { suspensions } }) }
  return await client.apply(proxmoxVMs, wish as ProxmoxVM, { force, fieldManager: managerOf(by) })
}

/** By force, whoever wrote it: compare-and-swap, so that an entry made meanwhile stays. */
async function remove(session: Session, vm: ProxmoxVM, holder: string): Promise<ProxmoxVM> {
  let now = vm
  for (let left = tries; ; left--) {
    const suspensions = (now.spec.suspensions ?? []).filter(({ by }) => by !== holder)
    try {
      return await session.client.replace(proxmoxVMs, { ...now, spec: { ...now.spec, suspensions } })
    } catch (fault) {
      if (!isConflict(fault) || left === 0) throw fault
      // The operator writes the status of a VM that is being suspended.
      now = await mustGetVM(session, vm.metadata.name)
      if (now.metadata.uid !== vm.metadata.uid) throw fault
    }
  }
}

async function finish(
  session: Session,
  applied: ProxmoxVM,
  o: Pick<SuspendOptions, 'wait' | 'timeout' | 'output'>,
  say: { isDone: (vm: ProxmoxVM) => boolean; done: (vm: ProxmoxVM) => string; begun: string },
): Promise<void> {
  if (session.isDryRun) return await showDryRun(session, applied, o)
  const vm = o.wait
    ? await waitForVM(session, applied, { isDone: say.isDone, ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }) })
    : applied
  if (o.output) printJson(session, vm)
  else session.shell.out(`${o.wait ? say.done(vm) : say.begun}\n`)
}
