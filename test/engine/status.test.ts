import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { localStatuses } from '../../src/api/words.ts'
import { holds } from '../../src/engine/conditions.ts'
import { isSettled, judged, noted, phaseOf, reached, resting, working } from '../../src/engine/status.ts'
import { aVm } from './vms.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString().replace('.000Z', 'Z')
const ready = judged(aVm(), at(0), [holds('Ready', 'Running')])

describe('a rung that is reached', () => {
  it('gets a line of its own for each rung passed on the way', () => {
    const status = reached('set_system_disk_size', at(3), 'one request')({ localStatus: 'clone', step: { name: 'identity', since: at(1) } })

    expect(status.localStatus).toBe('set_system_disk_size')
    expect(status.progress).toBe('4/12')
    expect(status.history).toEqual([
      { step: 'set_cpu_ram', startedAt: at(1), seconds: 2, outcome: 'Done', message: 'one request' },
      { step: 'set_system_disk_size', startedAt: at(1), seconds: 2, outcome: 'Done', message: 'one request' },
    ])
  })

  it('begins with the creation', () => {
    expect(reached('creation', at(1), '')({}).history).toEqual([{ step: 'creation', startedAt: at(1), seconds: 0, outcome: 'Done' }])
    expect(reached('ready', at(1), '')({}).history?.map((line) => line.step)).toEqual([...localStatuses])
  })

  it('is no news when it was reached before', () => {
    const status: ProxmoxVMStatus = { localStatus: 'clone', progress: '2/12' }

    expect(reached('clone', at(9), '')(status)).toBe(status)
  })

  it('adds no line when a VM falls back', () => {
    expect(reached('clone', at(9), '')({ localStatus: 'ready' })).toEqual({ localStatus: 'clone', progress: '2/12', history: [] })
  })

  it('keeps the last 30 lines', () => {
    const many = Array.from({ length: 40 }).reduce<ProxmoxVMStatus>(
      (status, _, index) => noted('start', at(index), 'Failed', `m${index}`)(status),
      {},
    )

    expect(many.history).toHaveLength(30)
    expect(many.history?.at(-1)).toEqual({ step: 'start', startedAt: at(39), seconds: 0, outcome: 'Failed', message: 'm39' })
    expect(reached('creation', at(50), '')(many).history).toHaveLength(30)
  })

  it('has no line of negative length when a clock was set back', () => {
    expect(reached('creation', at(1), '')({ step: { name: 'creation', since: at(9) } }).history?.[0]?.seconds).toBe(0)
  })

  it('cuts a message where the API server would refuse it', () => {
    expect(noted('start', at(0), 'Failed', 'y'.repeat(5000))({}).history?.[0]?.message).toHaveLength(1024)
  })
})

describe('a step', () => {
  it('counts from when it became the current one', () => {
    const first = working('clone', at(1))({})
    const again = working('clone', at(9), { attempts: 2, lastError: 'e' })(first)

    expect(again.step).toEqual({ name: 'clone', since: at(1), attempts: 2, lastError: 'e' })
    expect(working('start', at(10))(again).step).toEqual({ name: 'start', since: at(10) })
    expect(resting(again)).toEqual({})
  })
})

describe('a status', () => {
  it('is the same for the same', () => {
    const changes = [working('clone', at(1)), reached('clone', at(2), 'm'), ready]
    const once = changes.reduce<ProxmoxVMStatus>((status, change) => change(status), {})

    expect(changes.reduce<ProxmoxVMStatus>((status, change) => change(status), once)).toEqual(once)
  })

  it('is never changed in place', () => {
    const frozen = Object.freeze<ProxmoxVMStatus>({ localStatus: 'clone', history: Object.freeze([]) as never })

    for (const change of [working('start', at(0)), reached('ready', at(0), ''), noted('start', at(0), 'Done', ''), ready, resting])
      expect(() => change(frozen)).not.toThrow()
  })
})

describe('the phase', () => {
  const born: ProxmoxVMStatus = { intentAt: at(0), firstReadyAt: at(1) }

  it.each<[phase: string, status: ProxmoxVMStatus]>([
    ['Pending', {}],
    ['Provisioning', { intentAt: at(0) }],
    ['Running', { ...born, remoteStatus: 'running' }],
    ['Stopped', { ...born, remoteStatus: 'stopped' }],
    ['Unknown', born],
    ['Missing', { ...born, conditions: [{ type: 'Ready', status: 'False', reason: 'VMMissing', message: '', lastTransitionTime: at(0) }] }],
    ['Suspended', { ...judged(aVm(), at(0), [holds('Suspended')])(born), remoteStatus: 'stopped' }],
  ])('is %s', (phase, status) => expect(phaseOf(aVm(), status)).toBe(phase))

  it('is Terminating from the moment of deletion', () => {
    expect(phaseOf(aVm({ metadata: { deletionTimestamp: at(0) } }), born)).toBe('Terminating')
  })
})

describe('a VM is settled', () => {
  const status = { ...ready({}), observedGeneration: 1 }

  it.each<[claim: string, status: ProxmoxVMStatus | undefined, settled: boolean]>([
    ['when it is ready in its present generation', status, true],
    ['not without a status', undefined, false],
    ['not when its spec was edited', { ...status, observedGeneration: 0 }, false],
    ['not while a step is under way', { ...status, step: { name: 'start', since: at(0) } }, false],
    ['not when it is not ready', { observedGeneration: 1 }, false],
  ])('%s', (_claim, of, settled) => expect(isSettled(aVm(of && { status: of }))).toBe(settled))
})
