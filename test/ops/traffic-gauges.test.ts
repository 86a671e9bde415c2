import { describe, expect, it } from '@jest/globals'
import { Registry } from 'prom-client'
import { registerTraffic } from '../../src/ops/traffic-gauges.ts'

describe('the gauges of traffic', () => {
  it('are sums of each cluster, and go with the last VM that counts', async () => {
    const registry = new Registry()
    let now = [{ cluster: 'fra1', receivedBytes: 7, sentBytes: 3, gaps: 1, exceeded: { Report: 0, Throttle: 2, Suspend: 1 } }]
    registerTraffic(registry, () => now)
    const text = await registry.metrics()
    expect(text).toContain('pve_operator_traffic_bytes{cluster="fra1",direction="received"} 7')
    expect(text).toContain('pve_operator_traffic_bytes{cluster="fra1",direction="sent"} 3')
    expect(text).toContain('pve_operator_traffic_exceeded_vms{cluster="fra1",action="Throttle"} 2')
    expect(text).toContain('pve_operator_traffic_gaps{cluster="fra1"} 1')
    now = []
    expect(await registry.metrics()).not.toContain('fra1')
  })
})
