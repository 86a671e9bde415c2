/** A reinstall up to the point where the ladder can make the new VM: asked for, checked, begun, the old VM deleted. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { removals } from '../../lifecycle.ts'
import { fails, readiness } from '../conditions.ts'
import { isCarriedOutAlready, wasCarriedOut } from '../create/carried-out.ts'
import { deleteCredentials } from '../create/credentials.ts'
import type { Pass } from '../pass.ts'
import {
  changeRunning,
  forgetOldDisk,
  noteNothingDestroyed,
  noteReinstallBegun,
  noteReinstallKnown,
  noteReinstallWithdrawn,
  requestedReinstall,
  type Running,
  whatIsAsked,
} from '../reinstall-state.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { judged, noted } from '../status.ts'
import { type Obstacle, type Outcome, done } from '../../ladder/outcome.ts'
import type { RemovalStep } from '../../ladder/removal.ts'
import { notePossessions } from './foreign-possessions.ts'
import type { RemovalLook } from './removal-look.ts'
import { hindranceOf, hindranceSince, type ReinstallRequest, storageAway } from './reinstall-check.ts'
import { removeFromPve } from './removal.ts'

/** Begins a reinstall that is asked for. An obstacle: it has not begun, and nothing was deleted for it. */
export async function beginReinstallIfAsked(pass: Pass, cluster: PveCluster): Promise<Obstacle | undefined> {
  const { draft } = pass
  await heedChangeOfMind(pass)
  const requestID = requestedReinstall(draft.vm, draft.status)
  const isFree = draft.status.firstReadyAt !== undefined && draft.status.reinstall?.running === undefined
  if (requestID && isFree && !(await wasCarriedOut(pass, cluster, { is: 'reinstall', requestID }))) {
    const template = draft.vm.spec.reinstall?.template
    const request = { requestID, ...(template && { template }) }
    const hindrance = await hindranceOf(pass, cluster, request)
    if (hindrance) return replaceable(hindrance)
    await beginReinstall(pass, request)
  }
  return undefined
}

/** Goes on with a reinstall under way. Undefined: there is none, or its VM can be made. */
export async function followReinstall(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const { draft, deps } = pass
  const { running } = draft.status.reinstall ?? {}
  if (!running || running.removed) return undefined
  if (await isCarriedOutAlready(pass, cluster, { is: 'reinstall', requestID: running.requestID })) {
    const told = `Reinstall ${running.requestID} was carried out before: the description of the VM says so, and the status is older.`
    draft.change(noteReinstallKnown, noted('ready', nowIso(deps.clock), 'CarriedOut', told))
    await draft.save()
    return undefined
  }
  const cleared = await clearForReinstall(pass, cluster, running)
  return cleared.is === 'done' ? undefined : cleared
}

const wayOut = 'Write a new spec.reinstall.requestID to replace the request, or remove spec.reinstall to cancel it.'

const replaceable = (hindrance: Obstacle): Obstacle =>
  hindrance.is === 'stalled' ? { ...hindrance, message: `${hindrance.message} ${wayOut}` } : hindrance

const cancellable = (hindrance: Obstacle | undefined, { requestID }: Running): Obstacle | undefined =>
  // One by command ends with its command.
  hindrance && (requestID.startsWith('command/') ? hindrance : replaceable(hindrance))

/** The intent is in status before anything is deleted, so that an interrupted reinstall is finished and never begun twice. */
export async function beginReinstall({ deps, draft }: Pass, request: ReinstallRequest): Promise<void> {
  const iso = nowIso(deps.clock)
  const { verdicts, dropped } = readiness('reconciling', 'Reinstalling', `Reinstall ${request.requestID} is under way.`)
  draft.change(noteReinstallBegun({ ...request, since: iso }), judged(draft.vm, iso, verdicts, dropped))
  await draft.save()
  const { name, vmid, tag } = request.template ?? draft.vm.spec.template
  recordEvent(deps, draft.vm, 'Normal', 'ReinstallStarted', `request ${request.requestID}, template ${name ?? vmid ?? tag}`)
}

/** A request that has deleted nothing is withdrawn with its field, or with its command when that is deleted or has failed, and replaced by a newer one. */
async function heedChangeOfMind({ deps, draft, key }: Pass): Promise<void> {
  const { running } = draft.status.reinstall ?? {}
  if (!running) return
  const open = deps.commandsOf(key).filter(({ status }) => status?.finishedAt === undefined)
  const uids = open.map(({ metadata }) => metadata.uid ?? '')
  const asked = whatIsAsked(draft.vm, draft.status, uids)
  if (asked === 'this') return
  const iso = nowIso(deps.clock)
  const told = (message: string) => noted('ready', iso, 'Withdrawn', message)
  if (asked === 'none') {
    draft.change(noteReinstallWithdrawn(iso), told(`Reinstall ${running.requestID} was cancelled before anything was deleted.`))
    deps.inFlight.forget(draft.vm.metadata.uid ?? '')
  } else {
    const template = draft.vm.spec.reinstall?.template
    const { template: _, ...others } = running
    draft.change(
      noteReinstallBegun({ ...others, requestID: asked.newer, ...(template && { template }) }),
      told(`Reinstall ${asked.newer} replaces ${running.requestID}, whose new VM did not exist yet.`),
    )
  }
  await draft.save()
}

/** Deletes the old VM with all its disks and snapshots. VMID, MAC, names and addresses stay, backups too; the password is made anew. */
async function clearForReinstall(pass: Pass, cluster: PveCluster, running: Running): Promise<Outcome> {
  const { draft, deps } = pass
  const gone = await removeFromPve(pass, cluster, {
    ladder: removals.clear,
    errand: { kind: 'reinstall', id: running.requestID },
    // An earlier request whose answer was lost may have deleted it: then only the way on is left.
    hindrance: async () =>
      running.destroyAt === undefined
        ? cancellable(await hindranceSince(pass, cluster, running), running)
        : storageAway(await cluster.inventory.since(0), draft.status),
    before: async (step, look) => await noteBefore(pass, cluster, step, look),
    // An earlier request whose answer was lost may be why there is nothing to delete any more.
    refused: () => running.destroyAt === undefined && draft.change(noteNothingDestroyed),
  })
  if (gone.is !== 'done') return gone
  deps.mayAct()
  await deleteCredentials(draft.vm, deps.client)
  const iso = nowIso(deps.clock)
  draft.change(
    (status) => forgetOldDisk({ ...(status.reinstall?.running ?? running), destroyAt: running.destroyAt ?? iso, removed: true })(status),
    judged(draft.vm, iso, [fails('Cloned', 'Reinstalling', 'The old VM is deleted; the operator makes the new one next.')]),
  )
  await draft.save()
  return done
}

/** Once it is in status that the deletion was asked for, only its own end decides. */
async function noteBefore(pass: Pass, cluster: PveCluster, { name }: RemovalStep, look: RemovalLook): Promise<Outcome> {
  const { draft, deps } = pass
  const { running } = draft.status.reinstall ?? {}
  // Already before the power is cut, since there may be more than can be kept.
  const possessed = running?.destroyAt === undefined ? await notePossessions(pass, cluster, look) : done
  if (possessed.is !== 'done') return possessed
  const more = name === 'stop' ? { wasRunning: true } : { destroyAt: running?.destroyAt ?? nowIso(deps.clock) }
  draft.change(changeRunning(more))
  const { wasRunning, destroyAt } = draft.written.reinstall?.running ?? {}
  if (name === 'stop' ? !wasRunning : !destroyAt) await draft.save()
  return done
}
