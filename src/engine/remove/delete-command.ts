import { proxmoxVMCommands } from '../../api/meta.ts'
import type { ProxmoxVMCommand } from '../../api/proxmoxvmcommand.ts'
import type { KubeClient } from '../../kube/client.ts'

/** Deletes this very command object, not a later one of its name. */
export async function deleteCommand(client: KubeClient, { metadata }: ProxmoxVMCommand): Promise<void> {
  await client.delete(proxmoxVMCommands, { namespace: metadata.namespace ?? '', name: metadata.name }, { uid: metadata.uid ?? '' })
}
