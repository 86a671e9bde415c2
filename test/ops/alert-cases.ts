/** For each alert: series that make it fire after some time, and the same world when it should not. Values as promtool writes them, one each 30 s. */

export interface AlertCase {
  readonly series: Readonly<Record<string, string>>
  readonly quiet: Readonly<Record<string, string>>
  /** When it has to fire, in Go's spelling. */
  readonly after: string
}

const pool = (state: string): string => `pve_operator_pool_addresses{pool="public-v4",state="${state}"}`
const requests = (status: string): string =>
  `pve_operator_pve_requests_total{cluster="fra1",method="GET",route="/version",status="${status}"}`
/** `value` for an hour and more. */
const steady = (value: number): string => `${value}x200`
const rising = (step: number): string => `0+${step}x200`
const one = (name: string, fires: number, quiet: number, after: string): AlertCase => ({
  series: { [name]: steady(fires) },
  quiet: { [name]: steady(quiet) },
  after,
})

export const alertCases: Readonly<Record<string, AlertCase>> = {
  PveOperatorNobodyLeads: {
    series: {
      'leader_election_master_status{name="pve-operator",pod="a"}': steady(0),
      'leader_election_master_status{name="pve-operator",pod="b"}': steady(0),
    },
    quiet: {
      'leader_election_master_status{name="pve-operator",pod="a"}': steady(0),
      'leader_election_master_status{name="pve-operator",pod="b"}': steady(1),
    },
    after: '3m',
  },
  PveClusterUnreachable: one('pve_operator_cluster_reachable{cluster="fra1"}', 0, 1, '4m'),
  PveInventoryStale: one('pve_operator_inventory_age_seconds{cluster="fra1"}', 130, 10, '3m'),
  PveVMsWait: {
    series: {
      'pve_operator_vms{cluster="fra1",local_status="clone"}': steady(2),
      'pve_operator_vms{cluster="fra1",local_status="ready"}': steady(9),
    },
    quiet: {
      'pve_operator_vms{cluster="fra1",local_status="clone"}': '2x40 0x160',
      'pve_operator_vms{cluster="fra1",local_status="ready"}': steady(9),
    },
    after: '31m',
  },
  PveVMMissing: one('pve_operator_vms_by_reason{cluster="fra1",state="stalled",reason="VMMissing"}', 1, 0, '2m'),
  PveVMsStalled: {
    series: { 'pve_operator_vms_by_reason{cluster="fra1",state="stalled",reason="NoCapacity"}': steady(3) },
    quiet: {
      'pve_operator_vms_by_reason{cluster="fra1",state="reconciling",reason="Queued"}': steady(3),
      'pve_operator_vms_by_reason{cluster="fra1",state="stalled",reason="VMMissing"}': steady(1),
    },
    after: '16m',
  },
  PveNodeOffline: one('pve_operator_nodes{cluster="fra1",state="offline"}', 1, 0, '2m'),
  PveFiguresMissing: one('pve_operator_nodes{cluster="fra1",state="silent"}', 1, 0, '6m'),
  PveUnauthorized: one('pve_operator_cluster_authorized{cluster="fra1"}', 0, 1, '2m'),
  PveSuspensionNotEnforced: one('pve_operator_suspensions_not_enforced{cluster="fra1"}', 1, 0, '2m'),
  PveDeletionsHeld: one('pve_operator_deletions_waiting{cluster="fra1"}', 5, 0, '2m'),
  PveBackupsNotMade: one('pve_operator_backups_not_made{cluster="fra1"}', 1, 0, '61m'),
  PveCRDsBeingDeleted: one('pve_operator_crds_leaving', 1, 0, '2m'),
  PvePoolAlmostEmpty: {
    series: { [pool('free')]: steady(4), [pool('allocated')]: steady(90), [pool('in-use')]: steady(100) },
    quiet: { [pool('free')]: steady(10), [pool('allocated')]: steady(90) },
    after: '11m',
  },
  PveOrphanedAddresses: {
    series: { [pool('orphaned')]: '1x3000' },
    quiet: { [pool('orphaned')]: '0x3000' },
    after: '24h1m',
  },
  PveUnclaimedGuests: one('pve_operator_unclaimed_guests{cluster="fra1"}', 2, 0, '16m'),
  PveRequestsFail: {
    series: { [requests('200')]: rising(7), [requests('0')]: rising(2), [requests('401')]: rising(1) },
    quiet: { [requests('200')]: rising(9), [requests('500')]: rising(1) },
    after: '21m',
  },
  PveQueueWaits: one('pve_operator_queue_oldest_seconds{name="proxmoxvm"}', 40, 2, '6m'),
  PvePassHangs: one('workqueue_longest_running_processor_seconds{name="proxmoxvm"}', 700, 5, '3m'),
  PveOperatorFaults: {
    series: { 'controller_runtime_reconcile_errors_total{controller="proxmoxvm"}': rising(1) },
    quiet: { 'controller_runtime_reconcile_errors_total{controller="proxmoxvm"}': '0x30 5x170' },
    after: '16m',
  },
  PveWatchSilent: one('pve_operator_watch_silent_seconds{resource="proxmoxvms"}', 200, 30, '3m'),
  PveKubernetesBusy: {
    series: { 'pve_operator_kube_put_off_seconds_total{verb="PUT",resource="proxmoxvms"}': rising(60) },
    quiet: { 'pve_operator_kube_put_off_seconds_total{verb="PUT",resource="proxmoxvms"}': rising(6) },
    after: '21m',
  },
  PveDnsWaits: one('pve_operator_dns_oldest_wait_seconds', 1000, 60, '6m'),
}
