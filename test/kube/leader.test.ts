import { afterAll, describe, expect, it } from '@jest/globals'
import { leases } from '../../src/api/meta.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { LeaderElection, type LeaderElectionOptions, LeadershipLost } from '../../src/kube/leader.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { freshNamespace, testClient, testServer } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { FaultProxy } from './fault-proxy.ts'

const client = testClient()
afterAll(() => client.close())

/** Short enough for a test, in the proportions of the real ones. */
const short = { leaseSeconds: 3, renewDeadlineSeconds: 2, retrySeconds: 0.2, silentSeconds: 4 }

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))

interface Candidate {
  election: LeaderElection
  stop: () => void
  ran: Promise<unknown>
  ledAtMs: number[]
}

function candidate(namespace: string, identity: string, o: Partial<LeaderElectionOptions> = {}): Candidate {
  const election = new LeaderElection({ client, namespace, name: 'operator', identity, clock: systemClock, ...short, ...o })
  const stopping = new AbortController()
  const ledAtMs: number[] = []
  const lead = (signal: AbortSignal): Promise<void> => {
    ledAtMs.push(performance.now())
    return untilAborted(signal)
  }
  const ran = election.run(lead, stopping.signal).catch((fault: unknown) => fault)
  return { election, stop: () => stopping.abort(), ran, ledAtMs }
}

describe('of two candidates', () => {
  it('one leads, and when it stops in order the other follows at once, not after the lease', async () => {
    const namespace = await freshNamespace(client)
    const first = candidate(namespace, 'first', { leaseSeconds: 60, renewDeadlineSeconds: 40 })
    await until('a leader', () => first.election.leading)
    const second = candidate(namespace, 'second')
    await until('the second to look', () => second.election.holder === 'first')
    expect([first.election.mayAct(), second.election.mayAct()]).toEqual([true, false])
    first.stop()
    await first.ran
    expect(first.election.mayAct()).toBe(false)
    await until('the second to lead', () => second.election.leading)
    expect((await client.get(leases, { namespace, name: 'operator' }))?.spec).toMatchObject({
      holderIdentity: 'second',
      leaseTransitions: 1,
      renewTime: expect.stringMatching(/\.\d{6}Z$/),
    })
    second.stop()
    expect(await second.ran).toBeUndefined()
  })

  it('the one cut off stops acting before the other starts', async () => {
    const namespace = await freshNamespace(client)
    const proxy = await FaultProxy.to(testServer().url)
    const cutOff = new KubeClient({ server: { ...testServer(), url: proxy.url }, clock: systemClock, fieldManager: 'test' })
    const first = candidate(namespace, 'first', { client: cutOff })
    await until('a leader', () => first.election.leading)
    const second = candidate(namespace, 'second')
    await until('the second to look', () => second.election.holder === 'first')
    proxy.stall()
    await until('the first to stop acting', () => !first.election.mayAct(), { everyMs: 5 })
    const stoppedAtMs = performance.now()
    await until('the second to lead', () => second.ledAtMs.length > 0)
    expect(second.ledAtMs[0]).toBeGreaterThan(stoppedAtMs)
    expect(await first.ran).toBeInstanceOf(LeadershipLost)
    second.stop()
    await second.ran
    await proxy.close()
    await cutOff.close()
  })

  it('exactly one takes a lease that nobody has', async () => {
    const namespace = await freshNamespace(client)
    const all = ['a', 'b', 'c', 'd'].map((identity) => candidate(namespace, identity))
    await until('a leader', () => all.some((one) => one.election.leading))
    await until('the others to know', () => all.every((one) => one.election.holder !== undefined))
    expect(all.filter((one) => one.election.leading)).toHaveLength(1)
    for (const one of all) one.stop()
    await Promise.all(all.map((one) => one.ran))
  })
})

describe('a leader', () => {
  it('whose event loop stood still may not act from the first moment on, and goes on when nobody has led since', async () => {
    const namespace = await freshNamespace(client)
    const only = candidate(namespace, 'only', { leaseSeconds: 2, renewDeadlineSeconds: 1 })
    await until('a leader', () => only.election.mayAct())
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100)
    expect(only.election.mayAct()).toBe(false)
    await until('it acts again', () => only.election.mayAct())
    expect(only.ledAtMs).toHaveLength(1)
    only.stop()
    expect(await only.ran).toBeUndefined()
  })

  it('that was late ends when another one has led meanwhile, though the Lease is free again', async () => {
    const namespace = await freshNamespace(client)
    const proxy = await FaultProxy.to(testServer().url)
    const cutOff = new KubeClient({ server: { ...testServer(), url: proxy.url }, clock: systemClock, fieldManager: 'test' })
    const first = candidate(namespace, 'first', { client: cutOff, silentSeconds: 600 })
    await until('a leader', () => first.election.leading)
    const second = candidate(namespace, 'second')
    await until('the second to look', () => second.election.holder === 'first')
    proxy.stall()
    await until('the second to lead', () => second.election.leading)
    second.stop()
    await second.ran
    expect((await client.get(leases, { namespace, name: 'operator' }))?.spec?.holderIdentity).toBe('')
    proxy.pass()
    expect(await first.ran).toBeInstanceOf(LeadershipLost)
    expect(first.election.mayAct()).toBe(false)
    expect((await client.get(leases, { namespace, name: 'operator' }))?.spec?.holderIdentity).toBe('')
    await proxy.close()
    await cutOff.close()
  })

  it('that was late goes on once the API server answers, when nobody has led meanwhile', async () => {
    const namespace = await freshNamespace(client)
    const proxy = await FaultProxy.to(testServer().url)
    const cutOff = new KubeClient({ server: { ...testServer(), url: proxy.url }, clock: systemClock, fieldManager: 'test' })
    const only = candidate(namespace, 'only', { client: cutOff, silentSeconds: 600 })
    await until('a leader', () => only.election.mayAct())
    proxy.stall()
    await until('it to stop acting', () => !only.election.mayAct())
    proxy.pass()
    await until('it acts again', () => only.election.mayAct())
    expect(only.ledAtMs).toHaveLength(1)
    only.stop()
    expect(await only.ran).toBeUndefined()
    await proxy.close()
    await cutOff.close()
  })

  it('that the API server answers later than in half of its time is given more of it, and acts again', async () => {
    const namespace = await freshNamespace(client)
    const proxy = await FaultProxy.to(testServer().url)
    const slow = new KubeClient({ server: { ...testServer(), url: proxy.url }, clock: systemClock, fieldManager: 'test' })
    const only = candidate(namespace, 'only', { client: slow, silentSeconds: 600 })
    await until('a leader', () => only.election.mayAct())
    proxy.delayMs = 1_300
    await until('it to stop acting', () => !only.election.mayAct())
    await until('it acts again', () => only.election.mayAct())
    expect(only.ledAtMs).toHaveLength(1)
    only.stop()
    expect(await only.ran).toBeUndefined()
    await proxy.close()
    await slow.close()
  })

  it('ends at once when its Lease is deleted: the next one to look makes another', async () => {
    const namespace = await freshNamespace(client)
    const only = candidate(namespace, 'only', { leaseSeconds: 60, renewDeadlineSeconds: 40 })
    await until('a leader', () => only.election.mayAct())
    await client.delete(leases, { namespace, name: 'operator' })
    expect(await only.ran).toBeInstanceOf(LeadershipLost)
  })

  it('rides out a short outage', async () => {
    const namespace = await freshNamespace(client)
    const proxy = await FaultProxy.to(testServer().url)
    const shaky = new KubeClient({ server: { ...testServer(), url: proxy.url }, clock: systemClock, fieldManager: 'test' })
    const problems: string[] = []
    const only = candidate(namespace, 'only', { client: shaky, onProblem: (message) => problems.push(message) })
    await until('a leader', () => only.election.leading)
    proxy.refuse()
    await until('a failed renewal', () => problems.length > 0)
    proxy.pass()
    const before = (await client.get(leases, { namespace, name: 'operator' }))?.spec?.renewTime
    await until('a renewal', async () => (await client.get(leases, { namespace, name: 'operator' }))?.spec?.renewTime !== before)
    // The Lease shows it before the answer to the renewal is back.
    await until('it may act', () => only.election.mayAct())
    expect(only.ledAtMs).toHaveLength(1)
    only.stop()
    expect(await only.ran).toBeUndefined()
    await proxy.close()
    await shaky.close()
  })

  it('keeps its lease until its work has ended, and passes on what the work threw', async () => {
    const namespace = await freshNamespace(client)
    const election = new LeaderElection({ client, namespace, name: 'operator', identity: 'x', clock: systemClock, ...short })
    const stopping = new AbortController()
    const workEnds = Promise.withResolvers<void>()
    const ran = election.run(() => workEnds.promise, stopping.signal)
    await until('a leader', () => election.leading)
    stopping.abort()
    expect(election.mayAct()).toBe(true)
    workEnds.reject(new Error('work failed'))
    await expect(ran).rejects.toThrow('work failed')
    expect((await client.get(leases, { namespace, name: 'operator' }))?.spec?.holderIdentity).toBe('')
  })
})
