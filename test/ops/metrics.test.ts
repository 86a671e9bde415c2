import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { registerCapacity } from '../../src/ops/capacity-gauges.ts'
import { registerSellable } from '../../src/ops/sellable-gauges.ts'
import { registerTraffic } from '../../src/ops/traffic-gauges.ts'
import { registerGauges, type Sources } from '../../src/ops/gauges.ts'
import { Metrics } from '../../src/ops/metrics.ts'

async function lines(metrics: Metrics, name: string): Promise<string[]> {
  const { text } = await metrics.expose()
  return text.split('\n').filter((line) => line.startsWith(name))
}

describe('metrics', () => {
  it('count requests to PVE by route template and status', async () => {
    const metrics = new Metrics({ version: '1' })
    const clone = { cluster: 'fra1', method: 'POST', route: '/nodes/{node}/qemu/{vmid}/clone', seconds: 0.02 }

    metrics.pveRequest({ ...clone, status: 200 })
    metrics.pveRequest({ ...clone, status: 200 })
    metrics.pveRequest({ ...clone, status: 0 })

    expect(await lines(metrics, 'pve_operator_pve_requests_total')).toEqual([
      'pve_operator_pve_requests_total{cluster="fra1",method="POST",route="/nodes/{node}/qemu/{vmid}/clone",status="200"} 2',
      'pve_operator_pve_requests_total{cluster="fra1",method="POST",route="/nodes/{node}/qemu/{vmid}/clone",status="0"} 1',
    ])
  })

  it('count commands by how they ended', async () => {
    const metrics = new Metrics({ version: '1' })

    metrics.commandEnded('Stop', 'NodeOffline')

    expect(await lines(metrics, 'pve_operator_commands_total')).toEqual([
      'pve_operator_commands_total{command="Stop",reason="NodeOffline"} 1',
    ])
  })

  it('measure steps, passes and the way to ready', async () => {
    const metrics = new Metrics({ version: '1' })

    metrics.stepEnded('clone', 'done', 2.1)
    const meter = metrics.queues.meterOf('proxmoxvm')
    meter.ended('success', 0.01)
    meter.ended('error', 0.01)
    meter.taken(0.001)
    metrics.becameReady('fra1', 4)

    expect(await lines(metrics, 'pve_operator_step_seconds_count')).toEqual([
      'pve_operator_step_seconds_count{step="clone",outcome="done"} 1',
    ])
    expect(await lines(metrics, 'controller_runtime_reconcile_errors_total')).toEqual([
      'controller_runtime_reconcile_errors_total{controller="proxmoxvm"} 1',
    ])
    expect(await lines(metrics, 'pve_operator_vm_ready_seconds_sum')).toEqual(['pve_operator_vm_ready_seconds_sum{cluster="fra1"} 4'])
    expect(await lines(metrics, 'workqueue_queue_duration_seconds_count')).toHaveLength(1)
  })

  it('leave the length of a watch out of the latencies', async () => {
    const metrics = new Metrics({ version: '1' })

    metrics.kubeRequest({ verb: 'WATCH', resource: 'proxmoxvms', status: 200, seconds: 300 })

    expect(await lines(metrics, 'pve_operator_kube_requests_total{')).toHaveLength(1)
    expect(await lines(metrics, 'pve_operator_kube_request_seconds_count')).toEqual([])
  })

  it('drop the series of a pool, a status and a cluster that are gone', async () => {
    const metrics = new Metrics({ version: '1' })
    let pools = [
      { pool: 'public-v4', state: 'free', addresses: 3 },
      { pool: 'old', state: 'free', addresses: 1 },
    ]
    registerGauges(metrics.registry, { pools: () => pools })
    expect(await lines(metrics, 'pve_operator_pool_addresses{')).toHaveLength(2)

    pools = pools.slice(0, 1)

    expect(await lines(metrics, 'pve_operator_pool_addresses{')).toEqual(['pve_operator_pool_addresses{pool="public-v4",state="free"} 3'])
  })

  it('forget the requests of a cluster that is gone, and only those', async () => {
    const metrics = new Metrics({ version: '1' })
    for (const cluster of ['fra1', 'ams1']) {
      metrics.pveRequest({ cluster, method: 'GET', route: '/version', status: 200, seconds: 0.01 })
      metrics.becameReady(cluster, 4)
    }

    await metrics.forgetCluster('ams1')

    const { text } = await metrics.expose()
    expect(text).not.toContain('ams1')
    expect(await lines(metrics, 'pve_operator_vm_ready_seconds_count')).toEqual(['pve_operator_vm_ready_seconds_count{cluster="fra1"} 1'])
  })

  it('show everything the sources answer', async () => {
    const metrics = new Metrics({ version: '1' })
    registerGauges(metrics.registry, everything)

    for (const [name, value] of expected)
      expect((await lines(metrics, name)).map((line) => line.replace(/\{.*\}/, ''))).toContain(`${name} ${value}`)
  })

  it('are described in docs/metrics.md, each and no other', async () => {
    const metrics = new Metrics({ version: '1' })
    registerGauges(metrics.registry, everything)
    registerCapacity(metrics.registry, () => [])
    registerTraffic(metrics.registry, () => [])
    registerSellable(metrics.registry, () => [])
    const registered = metrics.registry
      .getMetricsAsArray()
      .map((metric) => metric.name)
      .filter((name) => !/^(process|nodejs)_/.test(name))

    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
    const described = [...page.matchAll(/^\| `([a-z_]+)`/gm)].map((row) => row[1])

    expect(new Set(described)).toEqual(new Set(registered))
  })
})

const everything: Sources = {
  queues: () => [
    {
      name: 'proxmoxvm',
      depth: 2,
      oldestAgeSeconds: 0.5,
      active: 3,
      workers: 16,
      unfinishedSeconds: 14,
      longestRunningSeconds: 15,
    },
  ],
  pools: () => [{ pool: 'public-v4', state: 'allocated', addresses: 7 }],
  backups: () => [{ cluster: 'fra1', notMade: 1, oldestNewestSeconds: 90_000 }],
  vms: () => [{ cluster: 'fra1', localStatus: 'ready', vms: 5 }],
  vmsByReason: () => [{ cluster: 'fra1', state: 'stalled', reason: 'VMMissing', vms: 23 }],
  clusters: () => [
    {
      cluster: 'fra1',
      reachable: true,
      authorized: true,
      nodes: [{ state: 'offline', nodes: 21 }],
      suspensionsNotEnforced: 22,
      inventoryAgeSeconds: 4,
      requestsInFlight: 6,
      clonesWaiting: 8,
      unclaimed: 20,
      deletionsWaiting: 17,
      deletionsCounted: 18,
    },
  ],
  kinds: () => ({ leaving: 19 }),
  dns: () => ({ vms: 12, oldestSeconds: 13 }),
  leader: () => ({ name: 'pve-operator', leading: true }),
  caches: () => [{ resource: 'proxmoxvms', objects: 9, synced: true, silentSeconds: 11 }],
}

const expected: readonly [name: string, value: number][] = [
  ['workqueue_depth', 2],
  ['pve_operator_queue_oldest_seconds', 0.5],
  ['workqueue_unfinished_work_seconds', 14],
  ['workqueue_longest_running_processor_seconds', 15],
  ['controller_runtime_active_workers', 3],
  ['controller_runtime_max_concurrent_reconciles', 16],
  ['pve_operator_pool_addresses', 7],
  ['pve_operator_vms', 5],
  ['pve_operator_cluster_reachable', 1],
  ['pve_operator_cluster_authorized', 1],
  ['pve_operator_nodes', 21],
  ['pve_operator_suspensions_not_enforced', 22],
  ['pve_operator_vms_by_reason', 23],
  ['pve_operator_inventory_age_seconds', 4],
  ['pve_operator_pve_requests_in_flight', 6],
  ['pve_operator_clones_waiting', 8],
  ['pve_operator_unclaimed_guests', 20],
  ['pve_operator_deletions_waiting', 17],
  ['pve_operator_deletions_counted', 18],
  ['pve_operator_crds_leaving', 19],
  ['leader_election_master_status', 1],
  ['pve_operator_cache_objects', 9],
  ['pve_operator_cache_synced', 1],
  ['pve_operator_watch_silent_seconds', 11],
]
