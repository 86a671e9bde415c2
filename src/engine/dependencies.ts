import type { IPPool } from '../api/ippool.ts'
import type { Namespace } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import type { ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'
import type { VMPackage } from '../api/vmpackage.ts'
import type { CommandName } from '../api/proxmoxvmcommand.ts'
import type { Reason } from '../api/reasons.ts'
import type { EventReason } from '../api/events.ts'
import type { StepName } from '../api/words.ts'
import type { AddressBook } from '../ipam/address-book.ts'
import type { Claimant, Entry } from '../ipam/claim.ts'
import type { KubeClient } from '../kube/client.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { KindWatch } from '../kube/kind-watch.ts'
import type { Installation } from '../kube/installation.ts'
import type { Store } from '../kube/store.ts'
import type { Clock } from '../ops/clock.ts'
import type { ClusterDirectory } from '../cluster/directory.ts'
import type { Log } from '../ops/log.ts'
import type { InFlightPlacements } from './create/in-flight.ts'

/** Everything a pass over one VM works with. Made once, by main. */
export interface Dependencies {
  readonly client: KubeClient
  readonly vms: Store<ProxmoxVM>
  readonly packages: Store<VMPackage>
  readonly pools: Store<IPPool>
  readonly clusterObjects: Store<ProxmoxCluster>
  readonly namespaces: Store<Namespace>
  readonly commands: Store<ProxmoxVMCommand>
  /** Which Kubernetes cluster this is: it stands in the mark of every VM. */
  readonly installation: Pick<Installation, 'uid'>
  /** By the key of their VM. */
  readonly commandsOf: (vmKey: string) => ProxmoxVMCommand[]
  readonly snapshots: Store<ProxmoxVMSnapshot>
  /** By the key of their VM. */
  readonly snapshotsOf: (vmKey: string) => ProxmoxVMSnapshot[]
  readonly backups: Store<ProxmoxVMBackup>
  /** By the key of their VM. */
  readonly backupsOf: (vmKey: string) => ProxmoxVMBackup[]
  readonly book: AddressBook
  readonly clusters: ClusterDirectory
  /** The store has a ProxmoxVM with this uid. */
  readonly isLiving: (uid: string) => boolean
  /** It is proved that no ProxmoxVM has this uid: asked before something that belonged to it is taken. `named`: its name, which saves requests. */
  readonly isGone: (uid: string, named?: { readonly namespace: string; readonly name: string }) => Promise<boolean>
  /** Passes claims of objects that are no more, on addresses that the guest of `who` shows. Answers with those that changed their holder. */
  readonly inheritClaims: (who: Claimant, entries: readonly Entry[], shown: readonly string[]) => Promise<string[]>
  readonly events: EventRecorder
  readonly inFlight: InFlightPlacements
  readonly clock: Clock
  readonly log: Log
  /** A number in [0, 1). */
  readonly random: () => number
  /** Throws once this process may no longer act (leadership lost); asked before each write to PVE and before anything is given back. */
  readonly mayAct: () => void
  readonly observe: PassObserver
  /** Which of our CustomResourceDefinitions are being deleted. */
  readonly kinds: KindWatch
  /** The VM of a deleted object goes, and its records may go with it: (key, uid). Until then DNS keeps them. */
  readonly releaseDns: (key: string, uid: string) => void
  /** The command SetDNSRecords, done by the DNS track: looks at the records of `namespace/name` now and tells how it went. */
  readonly synchroniseDns: (key: string) => Promise<{ readonly ok: boolean; readonly message: string }>
}

/** What metrics want to know. */
export interface PassObserver {
  readonly stepEnded: (step: StepName, outcome: string, seconds: number) => void
  readonly becameReady: (cluster: string, seconds: number) => void
  readonly commandEnded: (command: CommandName, reason: Reason) => void
}

export const nowIso = (clock: Clock) => new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')

export function recordEvent(deps: Dependencies, vm: ProxmoxVM, type: 'Normal' | 'Warning', reason: EventReason, message: string): void {
  deps.events.record(vm, type, reason, message)
}
