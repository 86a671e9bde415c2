import { afterAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Event, coreEvents, type KubeObject } from '../../src/api/meta.ts'
import { EventRecorder } from '../../src/kube/events.ts'
import { type Clock, systemClock } from '../../src/ops/clock.ts'
import { freshName, freshNamespace, testClient } from '../support/kube.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'
import { configMap } from './config-maps.ts'

const client = testClient()
afterAll(() => client.close())

let namespace: string
let about: KubeObject
beforeEach(async () => {
  namespace = await freshNamespace(client)
  about = { ...configMap(namespace, 'subject'), metadata: { namespace, name: 'subject', uid: freshName() } }
})

const recorder = (o: { clock?: Clock; problems?: string[]; onDropped?: () => void } = {}): EventRecorder =>
  new EventRecorder({
    client,
    component: 'pve.hosting/test',
    clock: o.clock ?? systemClock,
    onProblem: (message) => o.problems?.push(message),
    ...(o.onDropped && { onDropped: o.onDropped }),
  })
const written = (in_ = namespace): Promise<Event[]> => client.list(coreEvents, { namespace: in_ })

describe('the event recorder', () => {
  it('writes an event that kubectl shows beside its object', async () => {
    const events_ = recorder()
    events_.record(about, 'Warning', 'Locked', 'PVE holds the lock backup', 'Wait')
    await events_.flush()
    expect(await written()).toMatchObject([
      {
        type: 'Warning',
        reason: 'Locked',
        note: 'PVE holds the lock backup',
        action: 'Wait',
        reportingController: 'pve.hosting/test',
        regarding: { kind: 'ConfigMap', namespace, name: 'subject', uid: about.metadata.uid },
      },
    ])
  })

  it('tells quick steps of one object as one event, in their order, and a warning at once', async () => {
    const events_ = recorder()
    const steps = ['set_cpu_ram (3/12)', 'set_network (9/12)', 'set_cloudinit (11/12)']
    for (const step of steps) events_.record(about, 'Normal', 'StepFinished', step)
    events_.record(about, 'Warning', 'Failed', 'start failed')
    await until('the warning', async () => (await written()).some(({ reason }) => reason === 'Failed'))
    await events_.flush()
    expect((await written()).filter(({ reason }) => reason === 'StepFinished').map(({ note }) => note)).toEqual([steps.join('; ')])
  })

  it('names the events of an object so that kubectl describe shows them in the order in which they happened', async () => {
    const events_ = recorder()
    const notes = Array.from({ length: 30 }, (_, index) => `number ${index}`)
    for (const note of notes) events_.record(about, 'Warning', 'Failed', note)
    await events_.flush()
    const names = (await written()).toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    expect(names.map(({ note }) => note)).toEqual(notes)
  })

  it('tells what it held back by itself', async () => {
    const events_ = recorder()
    events_.record(about, 'Normal', 'StepFinished', 'creation')
    await until('it is told', async () => (await written()).some(({ note }) => note === 'creation'))
  })

  it('loses none of thousands at once', async () => {
    let dropped = 0
    const events_ = recorder({ onDropped: () => (dropped += 1) })
    for (let index = 0; index < 6_000; index += 1) events_.record(about, 'Normal', 'Retrying', `number ${index}`)
    await events_.flush({ withinMs: 1 })
    expect(dropped).toBe(0)
  })

  it('makes one event with a count of many equal ones', async () => {
    const events_ = recorder()
    for (let index = 0; index < 50; index += 1) events_.record(about, 'Normal', 'Retrying', 'again')
    events_.record(about, 'Normal', 'Retrying', 'something else')
    await events_.flush()
    events_.record(about, 'Normal', 'Retrying', 'again')
    await events_.flush()
    const found = await written()
    expect(new Set(found.map((event) => `${event.note} ×${event.series?.count ?? 1}`))).toEqual(new Set(['again ×51', 'something else ×1']))
  })

  it('shows the first repetition without being asked', async () => {
    const events_ = recorder()
    events_.record(about, 'Normal', 'Retrying', 'again')
    await until('the event', async () => (await written()).length === 1)
    events_.record(about, 'Normal', 'Retrying', 'again')
    const series = await until('the count', async () => (await written())[0]?.series)
    expect(series.count).toBe(2)
  })

  it('counts on within its usual time when the clock of the machine is set back', async () => {
    const clock = new TestClock()
    const events_ = recorder({ clock })
    const countIs = (count: number) => until(`the count is ${count}`, async () => (await written())[0]?.series?.count === count)
    for (const count of [1, 2]) {
      events_.record(about, 'Warning', 'Retrying', 'again')
      if (count === 1) await until('the event', async () => (await written()).length === 1)
      else await countIs(2)
    }
    clock.jump(-3_600_000)
    events_.record(about, 'Warning', 'Retrying', 'again')
    clock.skip(31_000)
    await countIs(3)
  })

  it('begins a new event when the last equal one is more than ten minutes old', async () => {
    let nowMs = Date.now()
    const events_ = recorder({ clock: { ...systemClock, now: () => nowMs } })
    events_.record(about, 'Normal', 'Ready', 'the VM is ready')
    nowMs += 11 * 60_000
    events_.record(about, 'Normal', 'Ready', 'the VM is ready')
    await events_.flush()
    expect(await written()).toHaveLength(2)
  })

  it('puts events about cluster-scoped objects into the namespace default', async () => {
    const name = freshName('pool')
    const events_ = recorder()
    events_.record({ apiVersion: 'pve.hosting/v1alpha1', kind: 'IPPool', metadata: { name } }, 'Warning', 'Exhausted', 'no address is free')
    await events_.flush()
    expect((await written('default')).filter((event) => event.regarding.name === name)).toHaveLength(1)
  })

  it('cuts a message that is too long between two characters', async () => {
    const events_ = recorder()
    events_.record(about, 'Warning', 'Failed', '€'.repeat(2_000))
    await events_.flush()
    const note = (await written())[0]?.note ?? ''
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024)
    expect(note).toMatch(/^€+…$/)
  })

  it('never throws: an event that the server refuses is dropped, told and counted', async () => {
    const problems: string[] = []
    let dropped = 0
    const events_ = recorder({ problems, onDropped: () => (dropped += 1) })
    events_.record({ ...about, metadata: { name: 'subject', namespace: 'no-such-namespace' } }, 'Normal', 'Ready', 'lost')
    await events_.flush()
    expect(dropped).toBe(1)
    expect(problems[0]).toContain('no-such-namespace')
  })

  it('writes a series whose event the server has forgotten as a new one', async () => {
    const events_ = recorder()
    events_.record(about, 'Normal', 'Retrying', 'again')
    await events_.flush()
    for (const event of await written()) await client.delete(coreEvents, event.metadata)
    events_.record(about, 'Normal', 'Retrying', 'again')
    await events_.flush()
    expect((await written())[0]?.series?.count).toBe(2)
  })
})
