import { access } from 'node:fs/promises'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { proxmoxVMs } from '../api/meta.ts'
import { KubeClient } from '../kube/client.ts'
import { loadKubeServer } from '../kube/config.ts'
import { PluginRefusal, type Shell } from './shell.ts'

/** The options every sub-command has, as kubectl's own commands. */
export interface GlobalOptions {
  namespace?: string
  context?: string
  kubeconfig?: string
  as?: string
  asGroup?: string[]
  /** Of sub-commands that write: the API server judges, and stores nothing. */
  dryRun?: boolean
}

/** One call of the plugin, connected to the API server with the caller's rights. */
export interface Session {
  readonly shell: Shell
  readonly client: KubeClient
  readonly namespace: string
  /** Nothing that is written is stored: there is nothing to wait for and nobody to ask. */
  readonly isDryRun: boolean
}

/** Not `kubectl…`: Flux's kustomize-controller takes over what managers of that prefix wrote, and with it a suspension (fluxcd/pkg ssa, PatchReplaceFieldsManagers). */
export const fieldManager = 'pve-plugin'

export async function withSession(shell: Shell, options: GlobalOptions, work: (session: Session) => Promise<void>): Promise<void> {
  const { context, as, asGroup = [], dryRun: isDryRun = false } = options
  const kubeconfig = options.kubeconfig ?? shell.kubeconfig
  if (options.kubeconfig !== undefined) await mustBeThere(options.kubeconfig)
  const server = await loadKubeServer({ kubeconfig, context })
  const client = new KubeClient({
    server: { ...server, ...(as !== undefined && { impersonate: { user: as, groups: asGroup } }) },
    fieldManager,
    // A field this server's CRD does not know is refused: dropped in silence it would look as if it were in force.
    fieldValidation: 'Strict',
    dryRun: isDryRun,
    clock: shell.clock,
  })
  try {
    await work({ shell, client, namespace: options.namespace ?? server.namespace ?? 'default', isDryRun })
  } finally {
    await client.close()
  }
}

async function mustBeThere(file: string): Promise<void> {
  await access(file).catch(() => {
    throw new PluginRefusal(`kubeconfig ${file} does not exist`)
  })
}

export async function mustGetVM({ client, namespace }: Session, name: string): Promise<ProxmoxVM> {
  const vm = await client.get(proxmoxVMs, { namespace, name })
  if (!vm) throw new PluginRefusal(`ProxmoxVM "${name}" does not exist in namespace ${namespace}`)
  return vm
}

/** For an apply to the very object that was looked at: one that was made anew meanwhile under its name is refused, and none is made. */
export const sameVM = ({ metadata: { namespace, name, uid } }: ProxmoxVM): ProxmoxVM['metadata'] => ({
  name,
  ...(namespace !== undefined && { namespace }),
  ...(uid !== undefined && { uid }),
})

/** Which VMs a sub-command is about that takes several. */
export interface WhichVMs {
  /** Absent: those of the namespace of the session. */
  allNamespaces?: boolean
  /** Label selector. */
  selector?: string
}

export const listVMs = async ({ client, namespace }: Session, { allNamespaces, selector }: WhichVMs): Promise<ProxmoxVM[]> =>
  await client.list(proxmoxVMs, {
    ...(allNamespaces !== true && { namespace }),
    ...(selector !== undefined && { labelSelector: selector }),
  })

export const printJson = ({ shell }: Session, value: unknown): void => shell.out(`${JSON.stringify(value, undefined, 2)}\n`)
