import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { Asked, Left } from './left.ts'
import type { Carried } from './look.ts'
import type { Outcome } from '../ladder/outcome.ts'

/** A request that ended well and whose effect has not shown yet. */
export interface Unshown {
  /** How often it was sent. */
  readonly times: number
  /** When last (monotonic ms). */
  readonly lastMs: number
}

/**
 * What one process remembers of a VM between passes, by who writes it. Losing it costs requests or time, never correctness.
 */
export interface Memory {
  /** By create/clone.ts. */
  readonly clone: {
    /** No clone request of the present intent can be on its way: the next pass may ask without proving absence first. */
    isUnasked: boolean
    /** The request that is in status and has not left, and when it was written (monotonic ms). */
    announced?: { readonly key: string; readonly monotonicMs: number }
    /** When each open request left this process, or was first seen by it. */
    readonly seen: Map<string, { readonly monotonicMs: number; readonly isOwn: boolean }>
    /** Task of the last request that ended: it is not the one of the next, which may begin within the same second. */
    endedTask?: string
  }
  /** By create/recognise.ts: the VMID that the record had when it was last seen; the record may be lost after that. */
  record: { vmid?: number; seenMs?: number }
  /** By apply/climb.ts. From the pass that asked for a start to the one that sees it ended. */
  readonly look: { carried?: Carried }
  /** By apply/repeats.ts: what was sent and has not shown yet, by the sentence that said what was missing. */
  readonly sent: {
    readonly bySentence: Map<string, Unshown>
    last?: string
    isAnySent?: boolean
  }
  /** By apply/leaving.ts: what PVE refused of a change, by step and subject. */
  readonly left: {
    readonly things: Map<string, Left>
    /** One request a subject, since a request for several was refused. */
    isCareful: boolean
    /** Of the spec that was being applied. */
    generation?: number
    /** Whoever asks for a look is answered by asking PVE for all of it again: the last one that was. */
    look?: string
    /** What the task under way was asked for. */
    asked?: Asked
  }
  /** By watch/listing.ts. */
  readonly listing: {
    /** When the power was last read at the VM itself; a listing of about that time may tell an older one. */
    powerSeenAtMs?: number
    /** Somebody's task may have changed the power since it was read. */
    isTouched?: boolean
    /** When its configuration, and with it the lock, was last read. */
    lockSeenAtMs?: number
    /** The present listing tells an older power than was seen; a change on the way might leave it as it is, and nobody would be woken. */
    isBehind?: boolean
  }
  /** By step-age.ts: the step that was in status at the last look, how old it was then (ms), and when that was (monotonic ms). */
  readonly step: { seen?: { readonly name: string; readonly since: string; readonly ageMs: number; readonly monotonicMs: number } }
  /** By task-warnings.ts: UPIDs of tasks that ended with warnings. */
  readonly warnings: { readonly untold: Set<string>; readonly told: Set<string> }
  /** By unseen.ts: when it is this VM's turn to be called unseen (monotonic). */
  readonly unseen: { turnAtMs?: number }
  /** By whoever has acted on the VM or calls for an audit: a thorough look is due. */
  readonly audit: {
    isDue?: boolean
    /** It is due only because it is this VM's turn: nobody is known to have touched it, so the listing's word on its power is enough. */
    isRound?: boolean
  }
  /** By vm-controller.ts. */
  readonly controller: {
    /** Ends following the task under way. */
    unfollow?: () => void
    /** Labels and annotations of the last pass: a change of them is a person asking for a look. */
    lastMeta?: string
    /** See watch/checked.ts. */
    isChecked?: boolean
    /** How far the VM had come after the last pass: while it stays there, its requests are counted. */
    progress?: string
  }
  /** By held-status.ts: since when the VM waits for that task (monotonic ms), and a status that was not written, with the one that was. */
  readonly held: {
    task?: { readonly upid: string; readonly sinceMs: number } | undefined
    last?: { readonly status: ProxmoxVMStatus; readonly written: ProxmoxVMStatus } | undefined
  }
  /** By after-pass.ts. What the wait that was last told of was for, so that an event is written once a wait. */
  readonly events: { lastWait?: string }
  /** By remove/. */
  readonly removal: {
    /** A step that failed is not repeated before, whoever wakes the VM. */
    pausedUntilMs?: number
    /** A step failed that does not hold up the others: it has its turn again when they are done. */
    hasPassedOver?: boolean
    /** The end of the VM was told. */
    isTold?: boolean
    /** Every storage was asked before the VM went, and had no backup of it. */
    hasNoBackups?: boolean
    /** When PVE last said that the part of it that answers has quorum (monotonic ms). */
    quorateAtMs?: number
  }
  /** By adopt/report.ts: for which generation, and when, the guest of spec.adopt was reported last. */
  readonly adoption: { report?: { readonly generation: number; readonly monotonicMs: number } }
  /** By create/carried-out.ts: of this request, as the mark names it, the VM's description was asked, and it is not done. */
  notCarriedOut?: string
  /** By restore/: the request that is on record left this process, or was first seen by it, then (monotonic ms). */
  restore?: { readonly askedMs: number }
  /** By unanswered.ts: when a request without an answer left this process, or was first seen by it (monotonic ms). */
  readonly unanswered: Map<string, number>
  /** By restore/end-restore.ts: how often the answer was lost. */
  unprotectTries?: number
  readonly snapshots: {
    /** By apply/provision.ts: the configuration names a snapshot as its parent, so there is at least one. */
    isParentSeen?: boolean
    /** By snapshots/remove.ts: deletions that PVE accepted, by uid of the object. */
    readonly deletions: Map<string, Unshown>
    /** By snapshots/rollback.ts: the rollback that PVE was too busy for, and how often. */
    busy?: Unshown & { readonly requestID: string }
  }
  /** By vm-controller.ts: it is the turn of this VM's guest agent to be asked. */
  readonly guest: { isDue?: boolean }
  /** By commands: the synchronisation of DNS that a command has asked for, and how it went. */
  readonly command: {
    /** Commands that have not begun: their age when this process saw them first, and when that was (monotonic). */
    readonly waiting: Map<string, { readonly ageMs: number; readonly monotonicMs: number }>
    /** PVE's own lock keeps the present command from its work: since when, how often it was tried, and until when it is not (monotonic ms). */
    locked?: { readonly sinceMs: number; readonly times: number; readonly untilMs: number; readonly words: string }
    /** Since when a rebooted guest has been down (monotonic ms). */
    downSinceMs?: number
    /** By apply/provision.ts: the VM waits for a person, and the pass told of a request of the spec that cannot begin instead. */
    stuckBeside?: Outcome
    /** Commands that were there before the process are as old as they say; one that comes later is new, whatever the clocks say. */
    isFirstLookOver?: boolean
    dns?: { readonly command: string; report?: { readonly ok: boolean; readonly message: string } }
  }
}

export const freshMemory = (): Memory => ({
  clone: { isUnasked: false, seen: new Map() },
  record: {},
  look: {},
  sent: { bySentence: new Map() },
  left: { things: new Map(), isCareful: false },
  listing: {},
  step: {},
  warnings: { untold: new Set(), told: new Set() },
  unseen: {},
  audit: {},
  controller: {},
  held: {},
  events: {},
  removal: {},
  adoption: {},
  unanswered: new Map(),
  snapshots: { deletions: new Map() },
  guest: {},
  command: { waiting: new Map() },
})
