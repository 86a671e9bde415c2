/** `kubectl pve change-package VM`: other fields of a VM's package, or its newest VMPackage. */
import { apiVersion } from '../api/group.ts'
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Package } from '../api/package.ts'
import { mergePackages } from '../want/package-merge.ts'
import { type ChangeAllOptions, changeAll } from './change-all.ts'
import { confirmAtTerminal } from './confirm.ts'
import { knownPackage } from './known-package.ts'
import { appliedBefore } from './own-fields.ts'
import { hasPackageFlags, inlinePackage, type PackageFlags } from './package-flags.ts'
import { planFor, showDryRun } from './plan-page.ts'
import { sendCommand, type SendOptions } from './command.ts'
import { fieldManager, sameVM, mustGetVM, printJson, type Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { isReadyAt, waitForVM } from './waiting.ts'
import { conditionOf } from '../api/condition.ts'

export type ChangePackageOptions = PackageFlags & SendOptions & ChangeAllOptions & { allOf?: string; force?: boolean }

const manager = `${fieldManager}-change-package`

/** One VM, or with `--all-of` every VM that has an older version of that VMPackage. */
export async function changePackage(session: Session, name: string | undefined, o: ChangePackageOptions): Promise<void> {
  const { allOf } = o
  if ((name === undefined) === (allOf === undefined))
    throw new PluginRefusal('write the name of one VM, or --all-of with a VMPackage', exitCodes.usage)
  if (name !== undefined && (o.max !== undefined || o.allNamespaces === true))
    throw new PluginRefusal('--max and -A belong to --all-of', exitCodes.usage)
  if (name !== undefined)
    return hasPackageFlags(o) ? await writePackage(session, name, o) : await sendCommand(session, 'ChangePackage', name, o)
  if (hasPackageFlags(o))
    throw new PluginRefusal('--all-of takes the newest VMPackage; it cannot be combined with fields of a package', exitCodes.usage)
  await changeAll(session, allOf ?? '', o)
}

/** Writes packageRef and package of the spec, and waits until they are in force. */
async function writePackage(session: Session, name: string, o: ChangePackageOptions): Promise<void> {
  const { client, shell } = session
  const before = await mustGetVM(session, name)
  if (o.package !== undefined) await knownPackage(session, o.package, `change-package ${name}`)
  const earlier = appliedBefore(before, manager, ['spec']) as Partial<ProxmoxVM['spec']>
  const packageRef = o.package === undefined ? earlier.packageRef : { name: o.package }
  const inline = mergePackages(earlier.package ?? {}, inlinePackage(o) as Package)
  const wish = {
    apiVersion,
    kind: 'ProxmoxVM',
    metadata: sameVM(before),
    spec: { ...(packageRef && { packageRef }), ...(Object.keys(inline).length > 0 && { package: inline }) },
  } as ProxmoxVM
  const how = { force: o.force ?? false, fieldManager: manager }
  const isAsked = shell.ask !== undefined && o.yes !== true && !session.isDryRun
  if (isAsked) await confirmAtTerminal(session, await stopOf(session, await client.apply(proxmoxVMs, wish, { ...how, dryRun: true })))
  const applied = await client.apply(proxmoxVMs, wish, how)
  if (session.isDryRun) return await showDryRun(session, applied, o)
  const generation = applied.metadata.generation ?? 0
  const isSame = generation === before.metadata.generation
  const vm = o.wait
    ? await waitForVM(session, applied, {
        isDone: (now) => isReadyAt(now, generation),
        ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }),
      })
    : applied
  if (o.output) printJson(session, vm)
  else
    shell.out(`change-package ${name}: ${isSame ? 'the spec already says this; ' : ''}${o.wait ? verdictOn(vm) : 'the spec is written'}\n`)
}

/** The question, when the plan for the edit stops the VM. */
async function stopOf(session: Session, vm: ProxmoxVM): Promise<string | undefined> {
  const needing = (await planFor(session, vm)).lines.filter((line) => line.stops && line.when === 'now')
  const why = needing.map((line) => line.what).join('; ')
  return needing.length > 0 ? `Stop ${session.namespace}/${vm.metadata.name} and start it again for: ${why}?` : undefined
}

function verdictOn({ status }: ProxmoxVM): string {
  const applied = conditionOf(status?.conditions, 'PackageApplied')
  const restart = conditionOf(status?.conditions, 'RestartRequired')
  const verdict = applied?.status === 'False' ? `${applied.reason}: ${applied.message}` : 'the package is applied'
  return restart?.status === 'True' ? `${verdict} ${restart.message}` : verdict
}
