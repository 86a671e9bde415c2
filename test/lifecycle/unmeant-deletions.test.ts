/** Objects that go without anybody having meant their VMs, and the ways out: docs/uninstall.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { allowDeleteAnnotation, letGoAnnotation } from '../../src/api/group.ts'
import { crdResource, type KubeObject, poolAddresses, proxmoxClusters, proxmoxVMs, type Resource } from '../../src/api/meta.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { customResourceDefinitions } from '../../src/crds/definitions.ts'
import { carriesMark, markOf, ownTag } from '../../src/ladder/mark.ts'
import { aBackup, filesOf, untilBackup } from '../backups/scene.ts'
import { at } from '../plugin/terminal.ts'
import { aV4Pool } from '../support/builders.ts'
import { ownControlPlane, type OwnControlPlane } from '../support/own-control-plane.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const bindings: Resource<KubeObject> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
  namespaced: false,
}
const page = readFileSync(join(import.meta.dirname, '../../docs/uninstall.md'), 'utf8')

describe('a deletion that is no wish to lose the VM', () => {
  let own: OwnControlPlane
  let world: TestWorld
  let pool: string
  const pve = at(() => world.namespace)
  beforeAll(async () => {
    own = await ownControlPlane()
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => {
    await world.stop()
    await own.stop()
  })

  const born = (name: string, spec: object = {}): Promise<ProxmoxVM> =>
    world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }], ...spec })
  const addressOf = async (vm: ProxmoxVM) =>
    (await world.addresses(pool)).find(({ spec }) => spec.address === vm.status?.addresses?.[0]?.address)
  const isMarked = (vm: ProxmoxVM) =>
    carriesMark(world.guestOf(vm).config.get('description'), markOf(vm.metadata.uid ?? '', vm.status?.vmid ?? 0))
  /** A line of the page; then what it does, by the API, as no kubectl is needed to run the tests. */
  const asThePageSays = async (line: string, act: () => Promise<unknown>) => {
    expect(page.split('\n').map((each) => each.replace(/\s+#.*/, '').trim())).toContain(line)
    await act()
  }

  it('of a protected object keeps the VM, also where the policy that refuses it is missing, until the flag is off', async () => {
    const vm = await born('protected', { deletionProtection: true })
    await expect(world.delete('protected')).rejects.toThrow('spec.deletionProtection is true')
    await world.client.delete(bindings, { name: 'proxmoxvm-deletion-protection.pve.hosting' })
    await until('the policy does not act any more', () => world.delete('protected').then(() => true))
    world.simulator.requests.reset()
    const held = await world.untilCondition('protected', 'Stalled', 'True', 'DeletionProtected')
    expect(world.condition(held, 'Stalled')?.message).toContain('Set the flag to false to delete the VM')
    expect(world.guestOf(vm).isRunning).toBe(true)
    expect((await addressOf(vm))?.spec.claimRef?.uid).toBe(vm.metadata.uid)
    expect(world.writes()).toEqual([])
    await world.edit('protected', { spec: { deletionProtection: false } })
    await world.untilGone('protected')
    expect(world.guests()).toEqual([])
    await own.install()
  })

  it('is told the command for a lock that nobody works under, which keeps the mark on', async () => {
    const vm = await born('left-locked')
    world.guestOf(vm).config.set('lock', 'snapshot-delete')
    await world.edit('left-locked', { metadata: { annotations: { [letGoAnnotation]: 'hand-back' } } })
    const told = await world.untilCondition('left-locked', 'Stalled', 'True', 'StuckLock')
    expect(world.condition(told, 'Stalled')?.message).toContain(`qm unlock ${vm.status?.vmid}; the operator removes its owner line`)
    world.guestOf(vm).config.delete('lock')
    await until('it is let go', async () => {
      world.skip(31_000)
      return world.condition(await world.vm('left-locked'), 'Stalled')?.reason === 'Released'
    })
    expect(world.guestOf(vm).config.get('description')).toBeUndefined()
    await world.delete('left-locked')
    await world.untilGone('left-locked')
    world.simulator.world.guests.delete(vm.status?.vmid ?? 0)
  })

  it('is spared by release --hand-back: mark and tag go, the guest runs on, its address stays held, the object does nothing any more', async () => {
    const vm = await born('back', { deletionProtection: true })
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { tags: `${ownTag};theirs` })
    const refused = await pve('release', 'back', '--hand-back')
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('add --yes') })
    const said = await pve('release', 'back', '--hand-back', '--yes', '--timeout', '60s')
    expect(said).toEqual({
      code: 0,
      out: 'release: 1 VM released; you can delete their objects; the guests stay in PVE\n',
      err: said.err,
    })
    const { config, isRunning } = world.guestOf(vm)
    expect(config.get('description')).toBeUndefined()
    expect(config.get('tags')).toBe('theirs')
    expect(isRunning).toBe(true)
    const object = await world.untilCondition('back', 'Stalled', 'True', 'Released')
    expect(object.status?.phase).toBe('Released')
    expect(object.metadata.finalizers ?? []).toEqual([])
    await world.edit('back', { spec: { runStrategy: 'Halted', deletionProtection: true } })
    await world.edit('back', { metadata: { annotations: { [letGoAnnotation]: null } } })
    world.simulator.requests.reset()
    await world.delete('back')
    await world.untilGone('back')
    expect(world.writes()).toEqual([])
    expect((await addressOf(vm))?.spec).toMatchObject({ state: 'Orphaned', claimRef: { uid: vm.metadata.uid } })
  })

  it('is spared by release also while PVE is away, and a value it does not know does nothing', async () => {
    const vm = await born('away')
    await world.edit('away', { metadata: { annotations: { [letGoAnnotation]: 'yes' } } })
    await world.untilCondition('away', 'Stalled', 'True', 'ReleaseInvalid')
    world.simulator.faults.add([{ id: 'down', route: '* /**', times: 'always', status: 595, reason: 'No route to host' }], [])
    expect(await pve('release', 'away', '--yes', '--timeout', '60s')).toMatchObject({ code: 0 })
    world.simulator.faults.remove('down')
    await world.delete('away')
    await world.untilGone('away')
    expect(isMarked(vm)).toBe(true)
    expect((await addressOf(vm))?.spec.state).toBe('Orphaned')
  })

  it('with its CRD keeps every VM, address and backup and says so, over a restart; release lets the CRDs go, and new objects adopt the VMs', async () => {
    const vms = [await born('one'), await born('two', { deletionPolicy: 'Orphan' }), await born('three', { deletionProtection: true })]
    await aBackup(world, 'one-b', 'one', { storage: 'local', deletionPolicy: 'Delete' })
    await untilBackup(world, 'one-b', 'True')
    await expect(world.client.delete(crdResource, { name: 'proxmoxvms.pve.hosting' })).rejects.toThrow(
      'deleting CRD proxmoxvms.pve.hosting deletes every ProxmoxVM; read docs/uninstall.md first. To allow it: kubectl annotate crd proxmoxvms.pve.hosting pve.hosting/allow-delete=true',
    )
    const { metadata: former, spec } = (await world.client.get(proxmoxClusters, { name: world.cluster })) as ProxmoxCluster
    const cluster = {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxCluster',
      metadata: { name: former.name, labels: former.labels ?? {} },
      spec,
    }
    const crds = (await world.client.list(crdResource)).filter(({ metadata }) => metadata.name.endsWith('.pve.hosting'))
    expect(crds).toHaveLength(customResourceDefinitions().length)
    world.simulator.requests.reset()
    await asThePageSays(
      "kubectl get crd -o name | grep '\\.pve\\.hosting$' | xargs -I{} kubectl annotate {} pve.hosting/allow-delete=true",
      async () => {
        for (const { metadata } of crds)
          await world.client.mergePatch(
            crdResource,
            { name: metadata.name },
            { metadata: { annotations: { [allowDeleteAnnotation]: 'true' } } },
          )
      },
    )
    await asThePageSays("kubectl get crd -o name | grep '\\.pve\\.hosting$' | xargs kubectl delete --wait=false", async () => {
      for (const { metadata } of crds) await world.client.delete(crdResource, { name: metadata.name })
    })
    for (const { metadata } of vms) await world.untilCondition(metadata.name, 'Stalled', 'True', 'CRDDeleting')
    await world.killOperator()
    await world.startOperator()
    for (const { metadata } of vms) await world.untilCondition(metadata.name, 'Stalled', 'True', 'CRDDeleting')
    for (const vm of vms) expect((await addressOf(vm))?.spec).toMatchObject({ claimRef: { uid: vm.metadata.uid }, state: 'Allocated' })
    await asThePageSays('kubectl pve release --all-namespaces', async () =>
      expect(await pve('release', '--all-namespaces', '--yes', '--timeout', '60s')).toMatchObject({
        code: 0,
        out: expect.stringContaining('objects no longer exist'),
      }),
    )
    await until('the CRDs are gone', async () =>
      (await world.client.list(crdResource)).every(({ metadata }) => !metadata.name.endsWith('.pve.hosting')),
    )
    expect(world.writes()).toEqual([])
    expect(filesOf(world, vms[0] as ProxmoxVM)).toHaveLength(1)
    for (const vm of vms) expect([isMarked(vm), world.guestOf(vm).isRunning]).toEqual([true, true])
    await asThePageSays('kubectl apply --server-side -k deploy', () => own.install())
    expect(await world.client.list(proxmoxVMs)).toEqual([])
    expect(await world.client.list(poolAddresses)).toEqual([])
    await world.client.create(proxmoxClusters, cluster)
    await world.pool(aV4Pool(), pool)
    for (const { metadata } of vms) await world.apply(metadata.name, { addresses: [{ name: 'main', poolRef: { name: pool } }] })
    for (const { metadata } of vms) await world.untilCondition(metadata.name, 'Stalled', 'True', 'OwnedByFormerObject', 60)
    expect(page).toContain('kubectl pve adopt --former')
    expect(await pve('adopt', '--former', '--yes', '--timeout', '60s')).toMatchObject({ code: 0 })
    for (const vm of vms) {
      const { status } = await world.untilReady(vm.metadata.name, 60)
      expect([status?.vmid, status?.addresses?.[0]?.address]).toEqual([vm.status?.vmid, vm.status?.addresses?.[0]?.address])
      expect(world.guestOf(vm).isRunning).toBe(true)
    }
  })
})
