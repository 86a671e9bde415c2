/** `kubectl pve change-package --all-of PACKAGE --max N`: its newest version for every VM that has an older one, N at a time. */
import { proxmoxVMCommands } from '../api/meta.ts'
import type { ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import { createCommand } from './command.ts'
import { confirm } from './confirm.ts'
import { sentenceOf } from './fault-sentence.ts'
import { knownPackage } from './known-package.ts'
import { outdatedTable, outdatedVMs, type OutdatedVM } from './outdated.ts'
import { printJson, type Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { waitFor } from './waiting.ts'

export interface ChangeAllOptions {
  allNamespaces?: boolean
  /** How many at a time. Absent: 1. */
  max?: number
  yes?: boolean
  /** Seconds for each VM. */
  timeout?: number
  ttl?: number
  reason?: string
  wait: boolean
  output?: 'json'
}

/** What became of one VM. */
interface Result {
  readonly namespace: string
  readonly name: string
  readonly outcome: 'Succeeded' | 'Failed' | 'NotFinished'
  readonly message: string
}

interface Open {
  readonly vm: OutdatedVM
  readonly command: ProxmoxVMCommand
  readonly deadlineMs: number
}

/** The first failure begins no further VM: what is wrong with one is often wrong with all. */
export async function changeAll(session: Session, packageName: string, o: ChangeAllOptions): Promise<void> {
  const max = o.max ?? 1
  if (max < 1) throw new PluginRefusal('--max must be at least 1', exitCodes.usage)
  if (!o.wait && !session.isDryRun)
    throw new PluginRefusal('--no-wait does not go with --all-of: each VM waits for the one before it', exitCodes.usage)
  await knownPackage(session, packageName, 'change-package')
  const vms = await outdatedVMs(session, { ...o, package: packageName })
  if (session.isDryRun && o.output) return printJson(session, vms)
  if (vms.length === 0) return session.shell.out(`change-package: every VM of package ${packageName} has its newest version\n`)
  if (session.isDryRun) return session.shell.out(`${outdatedTable(vms)}Dry run: nothing was written.\n`)
  session.shell.err(outdatedTable(vms))
  await confirm(session.shell, question(vms, max), o.yes === true)
  const { results, left } = await new Rollout(session, vms, max, o).run()
  if (o.output) printJson(session, results)
  const good = results.filter(({ outcome }) => outcome === 'Succeeded').length
  const bad = results.filter(({ outcome }) => outcome !== 'Succeeded').map(({ namespace, name }) => `${namespace}/${name}`)
  if (bad.length > 0)
    throw new PluginRefusal(`change-package: ${good} of ${vms.length} VMs changed, not ${bad.join(', ')}; ${left} not begun`)
  if (!o.output) session.shell.out(`change-package: ${good} of ${vms.length} VMs changed\n`)
}

function question(vms: readonly OutdatedVM[], max: number): string {
  const stopped = vms.filter((vm) => vm.stops).length
  const which = vms.length === 1 ? 'this VM' : `these ${vms.length} VMs, ${max} at a time`
  return `Change the package of ${which}? ${stopped === 0 ? 'None is' : stopped === 1 ? '1 is' : `${stopped} are`} stopped for it.`
}

class Rollout {
  readonly #session: Session
  readonly #todo: OutdatedVM[]
  readonly #max: number
  readonly #options: ChangeAllOptions
  readonly #open = new Set<Open>()
  readonly #results: Result[] = []

  constructor(session: Session, vms: readonly OutdatedVM[], max: number, options: ChangeAllOptions) {
    this.#session = session
    this.#todo = [...vms]
    this.#max = max
    this.#options = options
  }

  /** `left`: VMs that were not begun. */
  async run(): Promise<{ results: readonly Result[]; left: number }> {
    const total = this.#todo.length
    await waitFor(this.#session, { later: 'kubectl get pvcmd -A' }, async () => {
      for (const open of this.#open) await this.#look(open)
      while (this.#mayBegin()) await this.#begin()
      if (this.#open.size === 0) return { done: true }
      const names = [...this.#open].map(({ vm }) => vm.name).join(', ')
      return { progress: `change-package: ${this.#results.length} of ${total} done; under way: ${names}` }
    })
    return { results: this.#results, left: this.#todo.length }
  }

  #mayBegin(): boolean {
    return this.#todo.length > 0 && this.#open.size < this.#max && this.#results.every(({ outcome }) => outcome === 'Succeeded')
  }

  async #begin(): Promise<void> {
    const [vm] = this.#todo
    if (!vm) return
    const { reason, ttl, timeout } = this.#options
    try {
      const command = await createCommand(
        { ...this.#session, namespace: vm.namespace },
        {
          vmRef: { name: vm.name },
          command: 'ChangePackage',
          ...(reason !== undefined && { reason }),
          ...(ttl !== undefined && { ttlSecondsAfterFinished: ttl }),
        },
      )
      const deadlineMs = timeout === undefined ? Infinity : this.#session.shell.clock.monotonicMs() + timeout * 1000
      this.#open.add({ vm, command, deadlineMs })
    } catch (fault) {
      this.#end(vm, 'Failed', sentenceOf(fault))
    }
    this.#todo.shift()
  }

  async #look(open: Open): Promise<void> {
    const { vm, command, deadlineMs } = open
    const { name, namespace = '' } = command.metadata
    const now = await this.#session.client.get(proxmoxVMCommands, { namespace, name })
    const isOver = this.#session.shell.clock.monotonicMs() >= deadlineMs
    if (now && !now.status?.finishedAt && !isOver) return
    this.#open.delete(open)
    if (!now) return this.#end(vm, 'Failed', `${name} was deleted before it ended`)
    const { finishedAt, phase, message = '' } = now.status ?? {}
    if (!finishedAt)
      return this.#end(
        vm,
        'NotFinished',
        `not finished within ${this.#options.timeout} s; look at it with: kubectl get pvcmd ${name} -n ${namespace}`,
      )
    this.#end(vm, phase === 'Succeeded' ? 'Succeeded' : 'Failed', message)
  }

  #end({ namespace, name }: OutdatedVM, outcome: Result['outcome'], message: string): void {
    this.#results.push({ namespace, name, outcome, message })
    if (!this.#options.output) this.#session.shell.out(`${namespace}/${name}: ${outcome === 'Succeeded' ? '' : `${outcome}: `}${message}\n`)
  }
}
