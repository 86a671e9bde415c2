/** docs/reasons.md: every word of status, from src/api/words.ts, reasons.ts and events.ts. */
import { addressStates, backupPhases, commandPhases, consolePhases } from '../api/other-words.ts'
import {
  type BackupCondition,
  backupConditions,
  type ClusterCondition,
  clusterConditions,
  type CommandCondition,
  commandConditions,
  type ConsoleCondition,
  consoleConditions,
  type PoolCondition,
  poolConditions,
  type SnapshotCondition,
  snapshotConditions,
  type VmCondition,
  vmConditions,
  type ZoneCondition,
  zoneConditions,
} from '../api/condition-words.ts'
import { events } from '../api/events.ts'
import { type LocalStatus, localStatuses, type Phase, phases, statusesBeside } from '../api/words.ts'
import { reasons } from '../api/reasons.ts'

const finished: Record<LocalStatus, string> = {
  creation: 'The operator chooses addresses, VMID, names and MAC and records them; nothing exists in PVE yet.',
  clone: 'The operator asked for the clone; PVE copies it or has finished. `status.step` shows which.',
  set_cpu_ram: 'Processors and memory are as the package says.',
  set_system_disk_size: 'The system disk has its size.',
  set_system_disk_bandwidth: 'The system disk has its limits.',
  set_created_additional_disk: 'Every additional disk exists and is attached, or the package has none.',
  set_additional_disk_size: 'The additional disks have their sizes.',
  set_additional_disk_bandwidth: 'The additional disks have their limits.',
  set_network: 'Bridge, VLAN and rate of the network card are right.',
  set_firewall: 'Options, rules and the anti-spoofing set are right.',
  set_cloudinit: 'User, password, keys and addresses are given to cloud-init.',
  ready: 'Everything is as declared, and the VM was started unless it is Halted.',
}

const inOneWord: Record<Phase, string> = {
  Pending: 'Nothing is in PVE yet.',
  Provisioning: 'The VM exists and is being set up.',
  Running: 'Set up, and on.',
  Stopped: 'Set up, and off.',
  Suspended: 'Off, and kept off by spec.suspensions or by its traffic.',
  Changing: 'Another package is being applied.',
  Reinstalling: 'It is being deleted and created again.',
  Restoring: 'It is being made from a backup.',
  Terminating: 'The object is deleted and the VM is being taken down.',
  Removed: 'The command Remove deleted the VM; the object keeps VMID and addresses.',
  Released: 'The object was released from its VM; the guest stays as it was.',
  Missing: 'The VM was ready and no longer exists in PVE.',
  Unknown: 'Nobody can tell: the node of the VM is off, or PVE has not answered for 5 minutes.',
}

const aboutAll = {
  Ready: 'It is converged to its spec, whatever its power.',
  Reconciling: 'Work is under way. Present only when True.',
  Stalled:
    'A person must act; nothing more is tried for this spec until it, its package, pool, cluster or PVE changes. Present only when True.',
}

const aboutVm: Record<VmCondition, string> = {
  ...aboutAll,
  AddressesAllocated: 'Every entry of spec.addresses has its address.',
  Cloned: 'The clone exists and has the owner line of the object.',
  Adoptable:
    'The guest of spec.adopt (mode Report) can be taken over; the message says what differs and what is missing. Gone once it is taken.',
  TemplateApplied: 'spec.template is the template of the clone. False takes nothing away from Ready.',
  PackageApplied: 'The package in force is the wanted one, in all its fields. False takes nothing away from Ready.',
  NetworkConfigured: 'The network card is as declared.',
  FirewallConfigured: 'The firewall is as declared and PVE enforces it.',
  CloudInitConfigured: 'Cloud-init has what is declared.',
  Suspended: 'True: an entry of spec.suspensions, or its traffic, holds the VM off, and it is off.',
  DNSSynced: 'Every record that has a zone is in DNS. Takes nothing away from Ready.',
  BackedUp:
    'Only where the package has a schedule. False: the newest backup of the schedule failed, or one was missed. Takes nothing away from Ready.',
  TrafficWithinLimit:
    'Only where the package limits traffic. False: the limit is reached, and the message says what follows. Takes nothing away from Ready.',
  RestartRequired: 'True: something takes effect only at the next cold start. Takes nothing away from Ready.',
  GuestReady:
    'The agent in the guest answers, and the guest has brought up its addresses. There only while the agent is enabled and was asked. Takes nothing away from Ready.',
  Paused: 'True while the annotation `pve.hosting/paused` is there.',
}
const aboutPool: Record<PoolCondition, string> = {
  ...aboutAll,
  Ready: 'The pool can allocate addresses.',
  Exhausted: 'True: no address is free.',
  Overlapping: 'True: another pool of the scope has some of the same addresses. None is issued twice.',
}
const aboutCluster: Record<ClusterCondition, string> = {
  ...aboutAll,
  Ready: 'VMs can be made there.',
  Reachable: 'PVE answers.',
  Authorized: 'PVE knows the token, and it has every privilege needed.',
  NodesOnline: 'Every node is online; else the message names those that are not, and how many VMs each has. Takes nothing away from Ready.',
  FiguresFresh: 'Every node that is online tells the state of its guests (pvestatd). Takes nothing away from Ready.',
}

const aboutCommand: Record<CommandCondition, string> = {
  Ready: 'True: it succeeded.',
  Complete: 'True: it succeeded; the word of Jobs, for tools that know those.',
  Failed: 'True: it was refused or failed.',
  Reconciling: 'It waits or is being carried out. Present only when True.',
  Stalled: 'The same as Failed, the word of kstatus. Present only when True.',
}

const aboutConsole: Record<ConsoleCondition, string> = {
  Ready: 'True: the URL can be opened, the session is open, or it ended as it should.',
  Reconciling: 'It is being judged. Present only when True.',
  Stalled: 'It was refused; another one must be made. Present only when True.',
}

const aboutSnapshot: Record<SnapshotCondition, string> = {
  ...aboutAll,
  Ready: 'The snapshot exists in PVE.',
  Stalled: 'It is not taken, or is no longer there, and a person must act. Present only when True.',
}

const aboutBackup: Record<BackupCondition, string> = {
  Ready: 'True: the file is there.',
  Reconciling: 'It waits or is being made, or its file is being deleted. Present only when True.',
  Stalled: 'It failed, or a person must act; the message says what. Present only when True.',
}

const aboutZone: Record<ZoneCondition, string> = {
  ...aboutAll,
  Ready: 'Records are kept there.',
  Reachable: 'Its server answers.',
}

const row = (...cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  row(...heads),
  row(...heads.map(() => '---')),
  ...rows.map((cells) => row(...cells)),
]
const code = (word: string): string => `\`${word}\``
const listed = <T extends string>(head: string, words: readonly T[], means: Record<T, string>): string[] =>
  table(
    [head, 'means'],
    words.map((word) => [code(word), means[word]]),
  )

const keys = <T extends string>(words: Record<T, string>): T[] => Object.keys(words) as T[]

const aboutVms = (): string[] => [
  '## Local status of a ProxmoxVM',
  '',
  'The last rung of the longest finished prefix of the ladder, with two exceptions: `creation` until the clone is asked for, `clone` from then on.',
  '',
  ...listed('local status', localStatuses, finished),
  '',
  'Beside the ladder, while such work is queued or under way on a VM that was ready:',
  '',
  ...listed('local status', keys(statusesBeside), statusesBeside),
  '',
  '## Phase of a ProxmoxVM',
  '',
  'Derived, for columns and people; programs read conditions.',
  '',
  ...listed('phase', phases, inOneWord),
  '',
  '## Conditions of a ProxmoxVM',
  '',
  ...listed('type', vmConditions, aboutVm),
  '',
]

const aboutOthers = (): string[] => [
  '## Phase of a ProxmoxVMCommand',
  '',
  ...listed('phase', keys(commandPhases), commandPhases),
  '',
  '## Conditions of a ProxmoxVMCommand',
  '',
  ...listed('type', commandConditions, aboutCommand),
  '',
  '## Phase of a ProxmoxVMConsole',
  '',
  ...listed('phase', keys(consolePhases), consolePhases),
  '',
  '## Conditions of a ProxmoxVMConsole',
  '',
  ...listed('type', consoleConditions, aboutConsole),
  '',
  '## Conditions of a ProxmoxVMSnapshot',
  '',
  ...listed('type', snapshotConditions, aboutSnapshot),
  '',
  '## Phase of a ProxmoxVMBackup',
  '',
  ...listed('phase', keys(backupPhases), backupPhases),
  '',
  '## Conditions of a ProxmoxVMBackup',
  '',
  ...listed('type', backupConditions, aboutBackup),
  '',
  '## Conditions of an IPPool',
  '',
  ...listed('type', poolConditions, aboutPool),
  '',
  '## Conditions of a ProxmoxCluster',
  '',
  ...listed('type', clusterConditions, aboutCluster),
  '',
  '## Conditions of a DNSZone',
  '',
  ...listed('type', zoneConditions, aboutZone),
  '',
  '## States of a PoolAddress',
  '',
  ...listed('state', keys(addressStates), addressStates),
  '',
]

/** The page, held to the tables by a test; `make crds` writes it. */
export function reasonsPage(): string {
  return `${[
    '# The words of status',
    '',
    '<!-- Generated from src/api/words.ts, reasons.ts and events.ts by `make crds`; do not edit. -->',
    '',
    'Exactly one of `Ready=True`, `Reconciling` and `Stalled` holds for every object that has a status. A condition that is not True has a reason of the list below and one sentence: what, who must act, when it is tried next.',
    '',
    '## Reasons',
    '',
    'Who acts: **nobody** (all is well), **operator** (wait), **user** (whoever wrote the object), **admin** (whoever runs PVE, pools and clusters).',
    '',
    ...table(
      ['reason', 'who acts', 'means'],
      Object.entries(reasons)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([word, { who, means }]) => [code(word), who, means]),
    ),
    '',
    ...aboutVms(),
    ...aboutOthers(),
    '## Events',
    '',
    ...listed('reason', keys(events), events),
  ].join('\n')}\n`
}
