import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { KubeError } from '../kube/kube-error.ts'
import { sentenceOf } from './fault-sentence.ts'
import { Progress } from './progress.ts'
import type { Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { conditionOf, isTrue } from '../api/condition.ts'

/** Reads cost the API server little, and need no right to watch. */
const lookEveryMs = 400

export interface Wait {
  /** Absent: for as long as it takes. */
  timeoutSeconds?: number
  /** How to see later what became of it: after Ctrl-C or a timeout. */
  later: string
}

/** Looks until `look` answers with `done`; throws a Refusal when time is up. An API server that is away for a while is waited for. */
export async function waitFor<T>(
  { shell }: Session,
  { timeoutSeconds, later }: Wait,
  look: () => Promise<{ done: T } | { progress: string }>,
): Promise<T> {
  const progress = new Progress(shell)
  const deadlineMs = timeoutSeconds === undefined ? Infinity : shell.clock.monotonicMs() + timeoutSeconds * 1000
  try {
    for (;;) {
      const seen = await look().catch((fault: unknown) => ({ progress: `${passing(fault)}; still trying` }))
      if ('done' in seen) return seen.done
      progress.show(seen.progress)
      if (shell.signal.aborted) throw new PluginRefusal(`the operator continues; look with: ${later}`, exitCodes.interrupted)
      if (shell.clock.monotonicMs() >= deadlineMs)
        throw new PluginRefusal(
          `not finished within ${timeoutSeconds} s: ${seen.progress.replace(/[.]$/, '')}. The operator continues; look with: ${later}`,
          exitCodes.unfinished,
        )
      await shell.clock.sleep(lookEveryMs, shell.signal)
    }
  } finally {
    progress.end()
  }
}

/** The sentence of a fault that may pass by itself; throws the others. */
function passing(fault: unknown): string {
  if (fault instanceof KubeError && (fault.status === 0 || fault.status === 429 || fault.status >= 500)) return sentenceOf(fault)
  throw fault
}

/** Waits until the VM says about this spec what `isDone` wants to hear; a VM that needs a person is a failure. */
export async function waitForVM(
  session: Session,
  vm: ProxmoxVM,
  o: { timeoutSeconds?: number; isDone: (vm: ProxmoxVM) => boolean },
): Promise<ProxmoxVM> {
  const { name, generation = 0 } = vm.metadata
  const key = { namespace: session.namespace, name }
  return await waitFor(session, { ...o, later: `kubectl pve status ${name} -n ${session.namespace}` }, async () => {
    const now = await session.client.get(proxmoxVMs, key)
    if (!now || now.metadata.uid !== vm.metadata.uid) throw new PluginRefusal(`ProxmoxVM "${name}" is gone`)
    if (o.isDone(now)) return { done: now }
    const stalled = conditionOf(now.status?.conditions, 'Stalled')
    if (stalled?.status === 'True' && (stalled.observedGeneration ?? 0) >= generation)
      throw new PluginRefusal(`${name} waits for a person (${stalled.reason}): ${stalled.message}`)
    return { progress: progressLine(now) }
  })
}

/** `small: Changing, change_package: set_cpu_ram for 3 s: …`. */
export function progressLine({ metadata, status }: ProxmoxVM): string {
  const { phase = 'Pending', localStatus, progress, step } = status ?? {}
  const ready = conditionOf(status?.conditions, 'Ready')
  const rung = localStatus && localStatus !== 'ready' ? `, ${localStatus}${progress ? ` ${progress}` : ''}` : ''
  const under = step ? `: ${step.name}${step.attempts ? `, ${step.attempts} failed attempts` : ''}` : ''
  const why = ready?.status === 'False' && ready.message ? `: ${ready.message}` : ''
  return `${metadata.name}: ${phase}${rung}${under}${why}`
}

/** The verdict on this spec is there, and it is good. */
export function isReadyAt(vm: ProxmoxVM, generation: number): boolean {
  return (vm.status?.observedGeneration ?? -1) >= generation && isTrue(vm.status?.conditions, 'Ready')
}
