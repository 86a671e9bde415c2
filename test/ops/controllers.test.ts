import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { dnsZones, proxmoxClusters, proxmoxVMCommands, proxmoxVMConsoles } from '../../src/api/meta.ts'
import { registerGauges } from '../../src/ops/gauges.ts'
import { sourcesOf } from '../../src/metrics-sources.ts'
import { worldLabel } from '../support/kube-gate.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

let world: TestWorld
beforeAll(async () => {
  world = await TestWorld.start()
  const { operator, metrics } = running()
  registerGauges(metrics.registry, sourcesOf(operator, world.clock))
})
afterAll(() => world.stop())

function running(of = world): NonNullable<TestWorld['operator']> {
  if (!of.operator) throw new Error('no operator runs')
  return of.operator
}

/** Values of a metric by one of its labels, summed over the others. */
async function byLabel(metric: string, label: string, of = world): Promise<Map<string, number>> {
  const values = (await running(of).metrics.registry.getSingleMetric(metric)?.get())?.values ?? []
  const sums = new Map<string, number>()
  for (const { labels, value } of values) {
    const at = String((labels as Record<string, string | number>)[label])
    sums.set(at, (sums.get(at) ?? 0) + value)
  }
  return sums
}

const everyController = ['proxmoxvm', 'proxmoxvmcommand', 'proxmoxvmconsole', 'ippool', 'proxmoxcluster', 'dns', 'dnszone']

describe('the metrics of a running operator', () => {
  it('count the passes of every controller', async () => {
    const pool = await world.pool({ ranges: ['192.0.2.0/28'], prefixLength: 28, gateway: '192.0.2.1' })
    await world.born('counted', { addresses: [{ name: 'v4', poolRef: { name: pool } }] })
    const object = { apiVersion: 'pve.hosting/v1alpha1', metadata: { labels: { [worldLabel]: world.cluster } } }
    await world.client.create(proxmoxVMCommands, {
      ...object,
      kind: 'ProxmoxVMCommand',
      metadata: { ...object.metadata, namespace: world.namespace, name: 'halt' },
      spec: { vmRef: { name: 'counted' }, command: 'Stop', ttlSecondsAfterFinished: 1 },
    } as never)
    await world.client.create(proxmoxVMConsoles, {
      ...object,
      kind: 'ProxmoxVMConsole',
      metadata: { ...object.metadata, namespace: world.namespace, name: 'look' },
      spec: { vmRef: { name: 'counted' } },
    } as never)
    await world.client.create(dnsZones, {
      ...object,
      kind: 'DNSZone',
      metadata: { ...object.metadata, name: freshName('zone') },
      spec: { zone: `${freshName('zone')}.example`, externalDNS: { namespace: world.namespace } },
    } as never)

    await until('a pass of each', async () => {
      const passes = await byLabel('controller_runtime_reconcile_total', 'controller')
      return everyController.every((controller) => (passes.get(controller) ?? 0) > 0)
    })
    await until(
      'the command to be cleaned up',
      async () => (await world.client.get(proxmoxVMCommands, { namespace: world.namespace, name: 'halt' })) === undefined,
    )

    for (const metric of ['workqueue_adds_total', 'workqueue_queue_duration_seconds', 'workqueue_work_duration_seconds'])
      expect([metric, ...(await byLabel(metric, 'name')).keys()].toSorted()).toEqual([metric, ...everyController].toSorted())
    expect(await byLabel('controller_runtime_max_concurrent_reconciles', 'controller')).toEqual(
      new Map([
        ['proxmoxvm', 32],
        ['proxmoxvmcommand', 1],
        ['proxmoxvmconsole', 4],
        ['ippool', 4],
        ['proxmoxcluster', 4],
        ['dns', 8],
        ['dnszone', 4],
      ]),
    )
  })

  it('count no retry where nothing failed, however many passes wait for their time', async () => {
    await world.born('healthy')

    // Not while a pass is under way.
    await until('the cluster waits for its time', () =>
      running().operator.queues.some(({ name, queue }) => name === 'proxmoxcluster' && queue.delayed > 0),
    )
    expect((await byLabel('workqueue_retries_total', 'name')).get('proxmoxcluster')).toBe(0)
    expect((await byLabel('controller_runtime_reconcile_total', 'result')).get('requeue_after')).toBeGreaterThan(0)
  })

  it('lose the series of a ProxmoxCluster with the object', async () => {
    const brief = await TestWorld.start()
    const requests = async (): Promise<number> =>
      (await byLabel('pve_operator_pve_requests_total', 'cluster', brief)).get(brief.cluster) ?? 0
    await until('its requests to be counted', async () => (await requests()) > 0)

    await brief.client.delete(proxmoxClusters, { name: brief.cluster })

    await until('its series to go', async () => (await requests()) === 0)
    await brief.stop()
  })
})
