/** Backups that somebody has asked to get a VM back from, which has not begun yet (pure). */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import { requestedRestore } from '../engine/restore/restore-state.ts'

/** A restore may wait for days until somebody switches the VM off, and a birth until there is room: their backup must still be there then. */
export const isAskedFor = ({ metadata, status }: ProxmoxVMBackup, vms: readonly ProxmoxVM[]): boolean =>
  vms.some((vm) => {
    const { name, volume } = backupAsked(vm) ?? {}
    if (vm.metadata.namespace !== metadata.namespace) return false
    return name === undefined ? volume !== undefined && volume === status?.volume : name === metadata.name
  })

function backupAsked(vm: ProxmoxVM): { readonly name?: string; readonly volume?: string } | undefined {
  const { spec, metadata, status = {} } = vm
  if (metadata.deletionTimestamp !== undefined) return undefined
  if (status.intentAt === undefined) return spec.template.backupRef
  return requestedRestore(vm, status) === undefined ? undefined : spec.restore?.backupRef
}
