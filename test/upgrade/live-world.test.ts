/** The operator and CRDs of each earlier release, then today's, then the former again, over VMs of every kind. make-former.ts made the bundles. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs, type KubeObject, type Resource } from '../../src/api/meta.ts'
import { parseMark } from '../../src/ladder/mark.ts'
import { livesOf, type Lives } from '../drills/fleet.ts'
import { conditionOf, namespace, Scene } from '../drills/scene.ts'
import { until } from '../support/until.ts'
import { formerReleases } from './bundles.ts'

const patienceMs = 300_000
const events: Resource<KubeObject & { reason: string; regarding?: { kind: string; name: string } }> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

/** One VM of each kind, by name. */
const specs: Readonly<Record<string, object>> = {
  running: {},
  suspended: { suspensions: [{ by: 'billing', reason: 'unpaid' }] },
  halted: { runStrategy: 'Halted' },
  always: { runStrategy: 'Always' },
  orphan: { deletionPolicy: 'Orphan' },
  reinstalled: {},
  paused: {},
  dhcp: { addresses: undefined, package: { network: { bridge: 'vmbr0' }, firewall: { antiSpoofing: false } } },
  password: { cloudInit: { user: 'admin', generatePassword: true } },
}
const kinds = Object.keys(specs)

/** Sentences that were others in a former release; VMs that have one get today's with their first pass. */
const reworded: readonly (readonly [string, string])[] = [
  ['is set; nothing is changed.', 'is set; the operator changes nothing.'],
  ['"Held by ', '"Suspended by '],
]
const inTodaysWords = <T>(statuses: T): T =>
  JSON.parse(reworded.reduce((text, [then, now]) => text.replaceAll(then, now), JSON.stringify(statuses))) as T

describe.each(formerReleases())('an upgrade of a live world from $name', (release) => {
  const formerCrds = release.crds()
  let scene: Scene
  let dir: string
  let former: readonly string[]
  let before: Lives
  let unmarked: readonly string[]
  let statuses: Awaited<ReturnType<typeof statusesNow>>
  const key = (name: string) => ({ namespace, name })
  const edit = (name: string, patch: object) => scene.client.mergePatch(proxmoxVMs, key(name), patch)
  /** Without what a guest tells of itself and the column of remarks, which are news to whoever comes from a version without them. */
  const statusesNow = async () =>
    new Map(
      (await scene.vms()).map(({ metadata, status: { guest: _, remarks: __, conditions, ...status } = {} }) => [
        metadata.name,
        { ...status, conditions: (conditions ?? []).filter(({ type }) => type !== 'GuestReady') },
      ]),
    )
  const told = async () =>
    (await scene.client.list(events, { namespace })).map(({ reason, regarding }) => `${regarding?.kind} ${regarding?.name} ${reason}`)
  const descriptionOf = (name: string) => scene.simulator.world.guests.get(before.get(name)?.vmid ?? 0)?.config.get('description')
  const writes = () => scene.simulator.requests.report().log.filter(({ method }) => method !== 'GET')
  /** Each is looked at by the operator that works now, and nothing in PVE had to be changed for it. */
  const allAreJudged = async (shutdownTimeout: string) => {
    const judged = kinds.filter((name) => name !== 'paused')
    for (const name of judged) await edit(name, { spec: { shutdownTimeout } })
    await scene.untilReady(judged)
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pve-operator-upgrade-'))
    const bundle = join(dir, 'operator.mjs')
    await writeFile(bundle, release.operator())
    former = [process.execPath, bundle]
    scene = await Scene.open({ manifests: formerCrds, command: former })
    for (const [name, spec] of Object.entries({ ...specs, left: { deletionPolicy: 'Orphan' } })) await scene.order(name, spec)
    await scene.untilReady([...kinds, 'left'])
    await edit('reinstalled', { spec: { reinstall: { requestID: 'r1' } } })
    await until('it is reinstalled', async () => (await scene.vm('reinstalled'))?.status?.reinstall?.completedIDs?.includes('r1'))
    await edit('paused', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
    await scene.untilAll(['paused'], 'Paused', 'True')
    await scene.untilAll(['suspended'], 'Suspended', 'True')
    await scene.client.delete(proxmoxVMs, key('left'))
    await until('the orphan is let go', async () => (await scene.vm('left')) === undefined)
    await scene.untilReady(kinds)
    before = await livesOf(scene, kinds)
    statuses = await statusesNow()
    // releases before the second line of the mark are given it by today's operator
    unmarked = kinds.filter((name) => parseMark(descriptionOf(name))?.object === undefined)
  }, patienceMs)
  afterAll(async () => {
    await scene.close()
    await rm(dir, { recursive: true, force: true })
  })

  it(
    'writes the second line of the mark where there is none, and nothing else: at most one VM a second, without an event, and without a write of a status but where a sentence reads otherwise today',
    async () => {
      await scene.stopOperator()
      const toldBefore = await told()
      await scene.own.install()
      scene.simulator.requests.reset()
      await scene.startOperator()
      await until(
        'every mark names its object',
        () => kinds.every((name) => name === 'paused' || parseMark(descriptionOf(name))?.object?.name === name),
        { seconds: 240, everyMs: 250, describe: () => kinds.map((name) => descriptionOf(name)) },
      )
      expect(parseMark(descriptionOf('reinstalled'))?.object?.done).toEqual(['r1'])
      expect(parseMark(descriptionOf('paused'))?.object === undefined).toBe(unmarked.includes('paused'))
      const expected = unmarked
        .flatMap((name) => (name === 'paused' ? [] : [`PUT /nodes/${before.get(name)?.node}/qemu/${before.get(name)?.vmid}/config`]))
        .toSorted()
      // The simulator counts a request once it is answered, which is after its effect.
      await until('the last write is answered', () => writes().length >= expected.length, { describe: writes })
      const marks = writes()
      expect(marks.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(expected)
      const times = marks.map(({ at }) => new Date(at).getTime())
      // One a second on the way; a machine with much to do brings one late, and the next one seems closer.
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual((times.length - 1) * 500)
      expect(await told()).toEqual(toldBefore)
      expect(Object.fromEntries(await statusesNow())).toEqual(inTodaysWords(Object.fromEntries(statuses)))
      expect(await livesOf(scene, kinds)).toEqual(before)
    },
    patienceMs,
  )

  it(
    'leaves every VM Ready under the operator of today, which lists the guest that was let go',
    async () => {
      scene.simulator.requests.reset()
      await allAreJudged('61s')
      expect(writes()).toEqual([])
      expect(await livesOf(scene, kinds)).toEqual(before)
      const cluster = await until('the guest is told', async () => {
        const { status } = (await scene.pveCluster()) ?? {}
        return status?.unclaimedCount === 1 ? status : undefined
      })
      expect(cluster.unclaimed).toMatchObject([{ name: 'left' }])
      await scene.order('new')
      await scene.untilReady(['new'])
    },
    patienceMs,
  )

  it(
    'can be taken back: the former operator finds every VM its own and Ready',
    async () => {
      await scene.stopOperator()
      await scene.own.install(formerCrds)
      scene.simulator.requests.reset()
      await scene.startOperator(former)
      await allAreJudged('62s')
      await scene.untilReady(['new'])
      expect(writes()).toEqual([])
      expect(await livesOf(scene, kinds)).toEqual(before)
      for (const name of kinds) expect(conditionOf(await scene.vm(name), 'Stalled')).toBeUndefined()
      await scene.client.delete(proxmoxVMs, key('new'))
      await until('a VM of today is removed by it', async () => (await scene.vm('new')) === undefined, { seconds: 120 })
    },
    patienceMs,
  )
})
