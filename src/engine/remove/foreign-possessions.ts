/** What hangs on a VM in PVE that is not ours, noted before a destruction after which the VM is made again. */
import { judge } from '../../proxmox/failures.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { ForeignFirewall } from '../../ladder/machine.ts'
import { furtherNics } from '../../steps/set-network.ts'
import { type Outcome, done, stalled } from '../../ladder/outcome.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { toPossessed } from '../../want/foreign-firewall.ts'
import { readForeignFirewall } from '../foreign-firewall.ts'
import { seenRule } from '../look.ts'
import type { Pass } from '../pass.ts'
import { noted } from '../status.ts'
import type { RemovalLook } from './removal-look.ts'

/** As many as a status holds. */
const most = { rules: 128, aliases: 64, sets: 32, entries: 256 } as const

/**
 * Into the status (the caller saves it): pool, network cards beyond net0, and people's firewall entries. PVE deletes permissions on the VM with it and lets only admins
 * write them, so they are told. Not `done`: there is more than could be put back.
 */
export async function notePossessions(pass: Pass, cluster: PveCluster, look: RemovalLook): Promise<Outcome> {
  const { draft } = pass
  const firewall = cluster.pve.firewall(look.at)
  const { rules } = await firewall.rules()
  const foreign = await readForeignFirewall(firewall, { rules: rules.map(seenRule) })
  const tooMany = excess(foreign)
  if (tooMany)
    return stalled(
      'WouldBeLost',
      `VM ${look.at.vmid} has ${tooMany}, which the operator could not put back into a new VM. Remove some first.`,
    )
  const pool = cluster.inventory.current()?.guests.get(look.at.vmid)?.pool
  const networkCards = furtherNics(look.config).map((key) => ({ key, value: look.config[key] ?? '' }))
  const isAny = pool !== undefined || networkCards.length + foreign.rules.length + foreign.aliases.length + foreign.sets.length > 0
  draft.change(({ possessions: _, ...status }) => ({
    ...status,
    ...(isAny && {
      possessions: {
        ...(pool !== undefined && { pool }),
        ...(networkCards.length > 0 && { networkCards }),
        rules: foreign.rules.map(toPossessed),
        aliases: [...foreign.aliases],
        sets: foreign.sets.map((set) => ({ ...set, entries: [...set.entries] })),
      },
    }),
  }))
  await tellPermissions(pass, cluster, look.at.vmid)
  return done
}

function excess({ rules, aliases, sets }: ForeignFirewall): string | undefined {
  if (rules.length > most.rules) return `${rules.length} firewall rules of its own (${most.rules} can be kept)`
  if (aliases.length > most.aliases) return `${aliases.length} firewall aliases (${most.aliases} can be kept)`
  if (sets.length > most.sets) return `${sets.length} IP sets (${most.sets} can be kept)`
  const large = sets.find(({ entries }) => entries.length > most.entries)
  return large && `${large.entries.length} entries in IP set ${large.name} (${most.entries} can be kept)`
}

async function tellPermissions({ draft, deps }: Pass, cluster: PveCluster, vmid: number): Promise<void> {
  const { lost, isSeen } = await permissionsOn(cluster, vmid)
  if (lost.length === 0 && isSeen) return
  const told =
    lost.length > 0
      ? `Permissions on VM ${vmid} are deleted with the VM; an admin must set them again: ${lost.join('; ')}`
      : `Permissions on VM ${vmid} itself, if there are any, are deleted with the VM; the token cannot see them (it lacks Sys.Audit on /access).`
  draft.change(noted('remove', nowIso(deps.clock), lost.length > 0 ? 'PermissionsLost' : 'PermissionsUnseen', told))
  if (lost.length > 0) recordEvent(deps, draft.vm, 'Warning', 'PermissionsLost', told)
}

/** As the commands that set them again. */
async function permissionsOn(cluster: PveCluster, vmid: number): Promise<{ lost: string[]; isSeen: boolean }> {
  try {
    const path = `/vms/${vmid}`
    const own = (await cluster.pve.acl()).filter((entry) => entry.path === path)
    const lost = own.map(({ type, ugid, roleid }) => `pveum acl modify ${path} --${type}s '${ugid}' --roles ${roleid}`)
    if (lost.length > 0) return { lost, isSeen: true }
    const { '/access': access, '/': root, '/vms': vms } = await cluster.pve.permissions()
    const maySee = [access?.['Sys.Audit'], root?.['Permissions.Modify'], vms?.['Permissions.Modify']]
    return { lost, isSeen: maySee.some((right) => right !== undefined) }
  } catch (fault) {
    if (judge(fault).kind !== 'denied') throw fault
    return { lost: [], isSeen: false }
  }
}
