/** The idea of a removal step: what it looks at, and the one write it makes. Ladders of them take a VM down as the other ladder makes it. */
import type { StepName } from '../api/words.ts'
import type { Obstacle, Outcome } from './outcome.ts'

/** What a removal step may need to have looked at. */
export type RemovalPart = 'presence' | 'power' | 'replication' | 'backups'

/** A backup file of the VM, and where it was seen. */
export interface BackupSeen {
  readonly node: string
  readonly storage: string
  readonly volid: string
  readonly isProtected: boolean
}

export interface BackupsSeen {
  /** Made since the clone of this VM; a former holder of the VMID has older ones. */
  readonly found: readonly BackupSeen[]
  /** Where backups may be that could not be looked at, each with the reason: `pbs: storage 'pbs' is not online`. */
  readonly unseen: readonly string[]
  /** The privilege without which PVE shows an empty list in place of the backups. */
  readonly missingPrivilege?: string
}

export interface RemovalSeen {
  readonly vmid: number
  readonly node?: string
  readonly power?: 'running' | 'stopped'
  /** PVE's high availability looks after the VM: its stop is only a wish that HA carries out later. */
  readonly isHaManaged?: boolean
  readonly isProtected: boolean
  /** IDs of PVE's replication jobs of the VM: `10000-0`. */
  readonly replicationJobs?: readonly string[]
  readonly backups?: BackupsSeen
}

export type RemovalVerdict =
  | { readonly is: 'satisfied' }
  | { readonly is: 'missing'; readonly message: string }
  /** Nothing may be done to the VM until this is gone. */
  | { readonly is: 'blocked'; readonly by: Obstacle }

/** What the destruction takes along beside the VM and its own disks. */
export interface DestroyScope {
  /** Also from backup jobs, replication and HA: the VM never comes back. */
  readonly purge: boolean
  /** Volumes of this VMID on any storage that the configuration does not name. */
  readonly unreferencedDisks: boolean
}

/** What a removal step can do. Every method makes one write to PVE. */
export interface RemovalWriter {
  cutPower(): Promise<Outcome>
  unprotect(backup: BackupSeen): Promise<Outcome>
  deleteBackup(backup: BackupSeen): Promise<Outcome>
  destroy(scope: DestroyScope): Promise<Outcome>
}

/** `check` is pure. `apply` makes at most one write and is only called when `check` said `missing` for the same `seen`. */
export interface RemovalStep {
  /** What status.step.name shows. */
  readonly name: StepName
  readonly needs: RemovalPart
  /** A failure of this step does not hold up those behind it: it is tried once before them, and again after them. */
  readonly mayFail?: boolean
  check(seen: RemovalSeen): RemovalVerdict
  apply(writer: RemovalWriter, seen: RemovalSeen): Promise<Outcome>
}

export type RemovalLadder = readonly RemovalStep[]
