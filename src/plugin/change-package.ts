import { apiVersion } from '../api/group.ts'
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Package } from '../api/package.ts'
import { mergePackages } from '../want/package-merge.ts'
import { appliedBefore } from './own-fields.ts'
import { hasPackageFlags, inlinePackage, type PackageFlags } from './package-flags.ts'
import { sendCommand, type SendOptions } from './command.ts'
import { fieldManager, mustGetVM, printJson, type Session } from './session.ts'
import { isReadyAt, waitForVM } from './waiting.ts'
import { conditionOf } from '../api/condition.ts'

export type ChangePackageOptions = PackageFlags & SendOptions & { force?: boolean }

const manager = `${fieldManager}-change-package`

/** With flags: packageRef and package of the spec, and waits until they are in force. Without: the command, which takes the newest VMPackage. */
export async function changePackage(session: Session, name: string, o: ChangePackageOptions): Promise<void> {
  if (!hasPackageFlags(o)) return await sendCommand(session, 'ChangePackage', name, o)
  const { client, namespace, shell } = session
  const before = await mustGetVM(session, name)
  const earlier = appliedBefore(before, manager, ['spec']) as Partial<ProxmoxVM['spec']>
  const packageRef = o.package === undefined ? earlier.packageRef : { name: o.package }
  const inline = mergePackages(earlier.package ?? {}, inlinePackage(o) as Package)
  const wish = {
    apiVersion,
    kind: 'ProxmoxVM',
    metadata: { namespace, name },
    spec: { ...(packageRef && { packageRef }), ...(Object.keys(inline).length > 0 && { package: inline }) },
  }
  const applied = await client.apply(proxmoxVMs, wish as ProxmoxVM, { force: o.force ?? false, fieldManager: manager })
  const generation = applied.metadata.generation ?? 0
  const isSame = generation === before.metadata.generation
  const vm = o.wait
    ? await waitForVM(session, applied, {
        isDone: (now) => isReadyAt(now, generation),
        ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }),
      })
    : applied
  if (o.output) printJson(session, vm)
  else shell.out(`change-package ${name}: ${isSame ? 'the spec says so already; ' : ''}${o.wait ? verdictOn(vm) : 'the spec is written'}\n`)
}

function verdictOn({ status }: ProxmoxVM): string {
  const applied = conditionOf(status?.conditions, 'PackageApplied')
  const restart = conditionOf(status?.conditions, 'RestartRequired')
  const verdict = applied?.status === 'False' ? `${applied.reason}: ${applied.message}` : 'the package is applied'
  return restart?.status === 'True' ? `${verdict} ${restart.message}` : verdict
}
