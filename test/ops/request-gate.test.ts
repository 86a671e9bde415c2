import { describe, expect, it } from '@jest/globals'
import { EndpointFailover } from '../../src/proxmox/endpoint-failover.ts'
import { LookCadence } from '../../src/proxmox/look-cadence.ts'
import { RequestGate } from '../../src/ops/request-gate.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('the request gate', () => {
  it('lets as many in as the limit says, in order, and the urgent first', async () => {
    const gate = new RequestGate(1)
    const order: string[] = []
    const enter = async (name: string, urgent = false) => {
      const leave = await gate.enter(urgent)
      order.push(name)
      return leave
    }
    const first = await enter('first')
    const rest = [enter('second'), enter('third'), enter('stop', true)]
    await settle()
    expect([order, gate.inFlight, gate.waiting]).toEqual([['first'], 1, 3])
    first()
    first()
    for (const name of ['stop', 'second', 'third']) {
      await settle()
      expect(order.at(-1)).toBe(name)
      const leave = await rest[['second', 'third', 'stop'].indexOf(name)]
      leave?.()
    }
    expect([gate.inFlight, gate.waiting]).toEqual([0, 0])
  })

  it('lets more in when the limit is raised', async () => {
    const gate = new RequestGate(1)
    await gate.enter(false)
    const second = gate.enter(false)
    gate.setLimit(2)
    await second
    expect(gate.inFlight).toBe(2)
  })
})

describe('endpoints', () => {
  it('rest after a failed connection, longer each time, and the first that is awake is asked', () => {
    let nowMs = 0
    const failover = new EndpointFailover(['https://a:8006/', 'https://b:8006'], {
      now: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: async () => {},
      after: () => () => {},
    })
    const [a, b] = ['https://a:8006', 'https://b:8006']
    expect(failover.order()).toEqual([a, b])
    failover.failed(a)
    expect(failover.order()).toEqual([b, a])
    nowMs = 5_000
    expect(failover.order()).toEqual([a, b])
    failover.failed(a)
    nowMs = 14_999
    expect(failover.order()).toEqual([b, a])
    failover.failed(b)
    expect(failover.order()).toEqual([a, b])
    failover.answered(a)
    expect(failover.order()).toEqual([a, b])
  })
})

describe('the cadence of looks', () => {
  it('begins after half a second and grows to two, five for old tasks', () => {
    const cadence = new LookCadence()
    expect(cadence.firstLookMs('qmclone')).toBe(500)
    expect([0, 1, 2, 3, 4, 5, 6].map((looks) => cadence.nextLookMs(looks, 1_000))).toEqual([
      250, 375, 562.5, 843.75, 1265.625, 1898.4375, 2000,
    ])
    expect(cadence.nextLookMs(0, 60_000)).toBe(5_000)
  })

  it('learns what each type took lately: between the last look that found it running and the one that found it over', () => {
    const cadence = new LookCadence()
    cadence.learn('qmclone', 1_690, 2_530)
    expect(cadence.firstLookMs('qmclone')).toBe(2_110)
    cadence.learn('qmclone', 0, 2_110)
    expect(cadence.firstLookMs('qmclone')).toBe((1_690 * 0.9 + 2_110) / 2)
    cadence.learn('qmclone', 590_000, 600_000)
    expect(cadence.firstLookMs('qmclone')).toBe(10_000)
  })

  it('comes down fast to a type that is over at every first look, and looks soon at what is always short', () => {
    const cadence = new LookCadence()
    for (const overMs of [500, 250, 125]) cadence.learn('imgdel', 0, overMs)
    expect(cadence.firstLookMs('imgdel')).toBe(100)
    expect(cadence.firstLookMs('resize')).toBe(100)
    expect(cadence.firstLookMs('qmstart')).toBe(550)
  })
})
