/** The steps that take a VM down. Snapshots are none of them: PVE deletes them with the VM, and one that is broken would hold it up (F 22). */
import { done, stalled } from '../ladder/outcome.ts'
import type { DestroyScope, RemovalSeen, RemovalStep, RemovalVerdict } from '../ladder/removal.ts'

const satisfied: RemovalVerdict = { is: 'satisfied' }
const missing = (message: string): RemovalVerdict => ({ is: 'missing', message })
const blocked = (...[reason, message]: Parameters<typeof stalled>): RemovalVerdict => ({ is: 'blocked', by: stalled(reason, message) })

/** Before anything else is touched: PVE refuses the destruction of a protected VM. */
export const unprotected: RemovalStep = {
  name: 'remove',
  needs: 'presence',
  check: ({ isProtected, vmid }) =>
    isProtected
      ? blocked(
          'Protected',
          `VM ${vmid} is protected in PVE. An admin must run: qm set ${vmid} --protection 0. The operator deletes the VM after that.`,
        )
      : satisfied,
  apply: async () => done,
}

/** Without purge PVE refuses to destroy a VM that HA manages, and only an admin may write HA's configuration. */
export const notInHa: RemovalStep = {
  name: 'remove',
  needs: 'power',
  check: ({ isHaManaged, vmid }) => {
    if (isHaManaged !== true) return satisfied
    const remedy = `An admin must take the VM out of it first (ha-manager remove vm:${vmid}) and add the new VM to it afterwards`
    return blocked('WouldBeLost', `PVE's high availability manages VM ${vmid}, and deleting the VM would end that. ${remedy}.`)
  },
  apply: async () => done,
}

/** Without purge PVE refuses to destroy a VM that it replicates, and only an admin may write replication jobs. */
export const notReplicated: RemovalStep = {
  name: 'remove',
  needs: 'replication',
  check: ({ replicationJobs: [first] = [], vmid }) => {
    if (first === undefined) return satisfied
    const remedy = `An admin must remove the job first (pvesr delete ${first}) and create it again for the new VM afterwards`
    return blocked(
      'WouldBeLost',
      `PVE replicates VM ${vmid} (job ${first}) and does not delete a VM that has a replication job. ${remedy}.`,
    )
  },
  apply: async () => done,
}

/** The policy and the command Remove never stop a VM. */
export const isOff: RemovalStep = {
  name: 'stop',
  needs: 'power',
  check: ({ power, vmid }) => {
    const remedy = 'Shut it down in the guest or in PVE, or set deletionPolicy to Terminate'
    return power === 'running' ? blocked('VMRunning', `VM ${vmid} runs, and Remove deletes only a VM that is off. ${remedy}.`) : satisfied
  },
  apply: async () => done,
}

export const cutPower: RemovalStep = {
  name: 'stop',
  needs: 'power',
  check: ({ power, vmid }) => (power === 'running' ? missing(`VM ${vmid} runs`) : satisfied),
  apply: async (writer) => await writer.cutPower(),
}

/** Before the VM goes, since the rights to see them may go with it. What cannot be looked at or deleted now does not hold the VM up. */
export const deleteBackups: RemovalStep = {
  name: 'delete_backups',
  needs: 'backups',
  mayFail: true,
  check: ({ backups }) => {
    const [first] = backups?.found ?? []
    return first ? missing(`backup ${first.volid} is ${first.isProtected ? 'protected' : 'there'}`) : satisfied
  },
  async apply(writer, { backups }) {
    const [first] = backups?.found ?? []
    if (!first) return done
    return first.isProtected ? await writer.unprotect(first) : await writer.deleteBackup(first)
  },
}

/** After the VM is gone and its addresses are free: the object stays until nothing of the VM is left. */
export const deleteBackupsLeft: RemovalStep = {
  ...deleteBackups,
  mayFail: false,
  check(seen) {
    const verdict = deleteBackups.check(seen)
    const { missingPrivilege, unseen = [] } = seen.backups ?? {}
    if (verdict.is !== 'satisfied' || (unseen.length === 0 && missingPrivilege === undefined)) return verdict
    return whyUnseen(seen.vmid, unseen, missingPrivilege)
  },
}

function whyUnseen(vmid: number, unseen: readonly string[], missingPrivilege: string | undefined): RemovalVerdict {
  const gone = `VM ${vmid} no longer exists and its addresses are free; this object stays because of its backups`
  const abandon = 'or set the annotation pve.hosting/abandon-backups: "true" to give the backups up'
  if (missingPrivilege !== undefined)
    return blocked(
      'PermissionDenied',
      `${gone}. The token lacks ${missingPrivilege}, so the operator cannot see them: grant it, ${abandon}.`,
    )
  return blocked('BackupsUnseen', `${gone}. The operator cannot see them on ${unseen.join('; ')}. Bring that back, ${abandon}.`)
}

/** PVE deletes the VM with its disks and snapshots, or refuses before it has deleted anything. */
export const destroyVM = (scope: DestroyScope): RemovalStep => ({
  name: 'remove',
  needs: 'presence',
  check: ({ vmid }: RemovalSeen) => missing(`VM ${vmid} is there`),
  apply: async (writer) => await writer.destroy(scope),
})
