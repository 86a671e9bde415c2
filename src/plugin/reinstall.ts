import { apiVersion } from '../api/group.ts'
import { proxmoxClusters, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { confirmAtTerminal } from './confirm.ts'
import { unlessForbidden } from './forbidden.ts'
import { showDryRun } from './plan-page.ts'
import { fieldManager, sameVM, mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { isReadyAt, waitForVM } from './waiting.ts'

export interface ReinstallOptions {
  requestId?: string
  template?: string
  templateVmid?: number
  templateTag?: string
  yes?: boolean
  wait: boolean
  timeout?: number
  output?: 'json'
}

/**
 * Writes spec.reinstall and waits until the VM is ready again. By force: the request of whoever pressed last counts, and an older one that is
 * applied again never runs again (status.reinstall.completedIDs).
 */
export async function reinstall(session: Session, name: string, o: ReinstallOptions): Promise<void> {
  const { client, namespace, shell } = session
  const before = await mustGetVM(session, name)
  const requestID = o.requestId ?? new Date(shell.clock.now()).toISOString()
  if (isDone(before, requestID))
    throw new PluginRefusal(`reinstall ${name}: request ${requestID} ran before and never runs again; use another --request-id`)
  if (!before.status?.firstReadyAt) throw new PluginRefusal(`reinstall ${name}: the VM was never ready, so there is nothing to reinstall`)
  if (!templateOf(o) && before.spec.template.backupRef)
    throw new PluginRefusal(
      `reinstall ${name}: the VM was made from a backup (spec.template.backupRef), and a reinstall installs a template; name one with --template. Nothing was written.`,
    )
  await refuseUnknownTemplate(session, before, templateOf(o) ?? before.spec.template)
  const wanted = describe(templateOf(o) ?? before.spec.template)
  await confirmAtTerminal(session, `Delete the disks of ${namespace}/${name} and install ${wanted}?`, o.yes)
  const template = templateOf(o) ?? (before.spec.reinstall?.template ? selected(before) : undefined)
  const wish = {
    apiVersion,
    kind: 'ProxmoxVM',
    metadata: sameVM(before),
    spec: { reinstall: { requestID, ...(template && { template }) } },
  }
  const applied = await client.apply(proxmoxVMs, wish as unknown as ProxmoxVM, { force: true, fieldManager: `${fieldManager}-reinstall` })
  if (session.isDryRun) return await showDryRun(session, applied, o)
  const vm = o.wait
    ? await waitForVM(session, applied, {
        isDone: (now) => isDone(now, requestID) && isReadyAt(now, applied.metadata.generation ?? 0),
        ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }),
      })
    : applied
  if (o.output) printJson(session, vm)
  else shell.out(`reinstall ${name}: request ${requestID} ${o.wait ? `is done; the VM is ${vm.status?.remoteStatus}` : 'is written'}\n`)
}

/** Before the request is written: the operator would refuse it as well, and the request would stay in the object. Without the right to read clusters it decides alone. */
async function refuseUnknownTemplate({ client }: Session, { metadata, spec }: ProxmoxVM, wanted: TemplateChoice): Promise<void> {
  const { name } = spec.clusterRef
  const cluster = await client.get(proxmoxClusters, { name }).catch(unlessForbidden(undefined))
  const templates = cluster?.status?.templates ?? []
  if (templates.length === 0 || templates.length >= mostTemplates || templates.some((each) => isChosen(each, wanted))) return
  const names = [...new Set(templates.map((each) => each.name ?? `${each.vmid}`))].join(', ')
  throw new PluginRefusal(
    `reinstall ${metadata.name}: cluster ${name} has no ${describe(wanted)}; there are ${names}. Nothing was written.`,
  )
}

const describe = ({ name, vmid, tag }: TemplateChoice): string =>
  name !== undefined ? `template "${name}"` : `template with ${vmid ? `VMID ${vmid}` : `tag ${tag}`}`

type TemplateChoice = { readonly name?: string; readonly vmid?: number; readonly tag?: string }

/** A longer list was cut (ProxmoxCluster.status.templates). */
const mostTemplates = 512

function isChosen(each: { name?: string; vmid: number; tag?: string }, { name, vmid, tag }: TemplateChoice): boolean {
  if (name !== undefined) return each.name === name
  if (vmid !== undefined) return each.vmid === vmid
  return each.tag?.split(';').some((own) => own.toLowerCase() === tag?.toLowerCase()) ?? false
}

const isDone = (vm: ProxmoxVM, requestID: string) => vm.status?.reinstall?.completedIDs?.includes(requestID) ?? false

function templateOf({ template, templateVmid, templateTag }: ReinstallOptions): TemplateChoice | undefined {
  if (template !== undefined) return { name: template }
  if (templateVmid !== undefined) return { vmid: templateVmid }
  return templateTag === undefined ? undefined : { tag: templateTag }
}

/** An earlier request named a template and somebody else may hold that field: what spec.template says is named as well, so that it is not inherited. */
function selected({ spec }: ProxmoxVM): object {
  const { name, vmid, tag } = spec.template
  return { ...(name !== undefined && { name }), ...(vmid !== undefined && { vmid }), ...(tag !== undefined && { tag }) }
}
