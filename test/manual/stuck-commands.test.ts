/** Commands that leave their work to the engine, on a VM that a person must mend first. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, secrets, vmPackages } from '../../src/api/meta.ts'
import { clonesOf } from '../support/portrait.ts'
import { hold } from '../support/hold.ts'
import { TestWorld } from '../support/world.ts'
import { until } from '../support/until.ts'
import { commandNamed, finished, outcomeOf, press, reasonOf } from './buttons.ts'

const shutdown = 'POST /nodes/{node}/qemu/{vmid}/status/shutdown'
const noSecret = (name: string) => `Secret "${name}" with key "word" is missing and holds the cloud-init password; create it in namespace`

describe('a command on a VM that cannot go on', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const secretOf = (name: string) =>
    world.client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: world.namespace },
      stringData: { word: 'not telling' },
    } as never)

  /** Ready, and then without the Secret of its password. */
  async function withoutSecret(name: string): Promise<string> {
    const secret = `${name}-secret`
    const pack = await world.package({ cpu: { units: 200 } })
    await secretOf(secret)
    await world.born(name, { packageRef: { name: pack }, cloudInit: { user: 'admin', passwordSecretRef: { name: secret, key: 'word' } } })
    await world.client.delete(secrets, { namespace: world.namespace, name: secret })
    await world.client.mergePatch(vmPackages, { name: pack }, { spec: { cpu: { units: 300 } } })
    await world.untilCondition(name, 'PackageApplied', 'False', 'PackageOutdated')
    return secret
  }

  it('ChangePackage is refused with what is missing, and nothing is applied later', async () => {
    const secret = await withoutSecret('changed')
    const command = await finished(world, await press(world, 'changed', 'ChangePackage'))
    expect([reasonOf(command), command.status?.message]).toEqual(['SecretNotFound', expect.stringContaining(noSecret(secret))])
    const vm = await world.vm('changed')
    expect([vm?.status?.change, vm?.status?.packageSource?.spec?.cpu?.units]).toEqual([undefined, 200])

    await secretOf(secret)
    expect(await outcomeOf(world, 'changed', 'ChangePackage')).toMatch(/^Succeeded/)
    expect(world.guestOf(vm!).config.get('cpuunits')).toBe('300')
  })

  it('ChangePackage that has begun ends with what is missing, and the VM goes on once it is there', async () => {
    const pack = await world.package({ cpu: { cores: 1 } })
    const secret = 'begun-secret'
    await secretOf(secret)
    const vm = await world.born('begun', {
      packageRef: { name: pack },
      package: { memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } },
      cloudInit: { user: 'admin', passwordSecretRef: { name: secret, key: 'word' } },
    })
    await world.client.mergePatch(vmPackages, { name: pack }, { spec: { cpu: { cores: 2 } } })
    await world.untilCondition('begun', 'PackageApplied', 'False', 'PackageOutdated')
    const letGo = hold(world, shutdown, vm.status?.vmid)
    const name = await press(world, 'begun', 'ChangePackage')
    await until('the VM is shut down for it', async () => (await world.vm('begun'))?.status?.change?.wasRunning)
    await world.client.delete(secrets, { namespace: world.namespace, name: secret })
    letGo()

    const command = await finished(world, name)
    expect([reasonOf(command), command.status?.message]).toEqual(['SecretNotFound', expect.stringContaining(noSecret(secret))])
    expect(command.status?.message).toMatch(/ The operator continues when that is over\.$/)

    await secretOf(secret)
    world.clock.skip(31_000)
    await world.untilReady('begun')
    expect([world.guestOf(vm).config.get('cores'), world.guestOf(vm).isRunning]).toEqual(['2', true])
  })

  it('Clone on a birth that waits for a person ends with what it waits for, and the birth goes on once it is there', async () => {
    await world.apply('unborn', { cloudInit: { user: 'admin', passwordSecretRef: { name: 'later', key: 'word' } } })
    await world.untilCondition('unborn', 'Stalled', 'True', 'SecretNotFound')
    const command = await finished(world, await press(world, 'unborn', 'Clone'))
    expect([reasonOf(command), command.status?.message]).toEqual(['SecretNotFound', expect.stringContaining(noSecret('later'))])

    await secretOf('later')
    world.clock.skip(31_000)
    await world.untilReady('unborn')
  })

  it('Shutdown whose answer is lost ends when its VM is being deleted and waits for a person', async () => {
    const vm = await world.born('going')
    world.simulator.faults.add(
      [{ id: 'lost', route: shutdown, match: { vmid: vm.status?.vmid }, times: 'always', drop: 'before' } as never],
      [],
    )
    const name = await press(world, 'going', 'Shutdown')
    await until('its answer is lost', async () => /answer was lost/.test((await commandNamed(world, name))?.status?.message ?? ''))
    // Nor does a request of the spec that was never begun keep it open.
    await world.edit('going', { spec: { deletionPolicy: 'Remove', reinstall: { requestID: 'r1', template: { name: 'debian-31' } } } })
    await world.delete('going')
    await world.untilCondition('going', 'Ready', 'False', 'VMRunning')
    expect((await finished(world, name)).status).toMatchObject({
      phase: 'Failed',
      message: expect.stringMatching(
        /^The VM is being deleted, so the operator no longer follows Shutdown; PVE may still carry it out\. VM \d+ runs, /,
      ),
    })
    world.simulator.faults.remove()
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is gone', async () => world.clock.skip(5_000) ?? (await world.vm('going')) === undefined)
  })

  it('Reinstall that PVE refuses ends with the words of PVE, is withdrawn, and the VM runs again', async () => {
    const vm = await world.born('refused')
    const route = 'DELETE /nodes/{node}/qemu/{vmid}'
    const reason = "There is a replication job '10000-0' for guest '10000' - Please remove that first."
    world.simulator.faults.add([{ id: 'job', route, match: { vmid: vm.status?.vmid }, times: 'always', status: 500, reason } as never], [])
    expect(await outcomeOf(world, 'refused', 'Reinstall')).toBe(
      `Failed: Deleting VM ${vm.status?.vmid} failed: ${reason} Reinstall ends here, and the operator deletes nothing for it.`,
    )
    await until('the VM runs again', () => world.guestOf(vm).isRunning)
    const after = await world.untilReady('refused')
    world.simulator.faults.remove('job')
    expect(after.status?.reinstall?.running).toBeUndefined()
    expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
  })

  it('Reinstall that has deleted the old VM ends with what the new one waits for, and that is made once it is there', async () => {
    await secretOf('reinstalled-secret')
    const vm = await world.born('reinstalled', {
      cloudInit: { user: 'admin', passwordSecretRef: { name: 'reinstalled-secret', key: 'word' } },
    })
    const route = 'DELETE /nodes/{node}/qemu/{vmid}'
    const letGo = hold(world, route, vm.status?.vmid)
    const name = await press(world, 'reinstalled', 'Reinstall')
    await until('PVE is asked to delete the VM', async () => (await world.vm('reinstalled'))?.status?.reinstall?.running?.destroyAt)
    await world.client.delete(secrets, { namespace: world.namespace, name: 'reinstalled-secret' })
    letGo()

    const command = await finished(world, name)
    expect([reasonOf(command), command.status?.message]).toEqual([
      'SecretNotFound',
      expect.stringMatching(/^The old VM is gone\. Secret "reinstalled-secret" .* The operator continues when that is over\.$/),
    ])

    await secretOf('reinstalled-secret')
    world.clock.skip(31_000)
    const after = await world.untilReady('reinstalled')
    expect(after.status?.reinstall?.completedIDs).toEqual([`command/${command.metadata.uid}`])
  })

  it('ChangePackage ends also while spec.reinstall asks for what cannot be', async () => {
    const pack = await world.package({ cpu: { cores: 1 } })
    const secret = 'beside-secret'
    await secretOf(secret)
    const { status } = await world.born('beside', {
      packageRef: { name: pack },
      package: { memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } },
      cloudInit: { user: 'admin', passwordSecretRef: { name: secret, key: 'word' } },
    })
    await world.client.mergePatch(vmPackages, { name: pack }, { spec: { cpu: { cores: 2 } } })
    await world.edit('beside', { spec: { reinstall: { requestID: 'r1', template: { name: 'debian-31' } } } })
    await world.untilCondition('beside', 'Stalled', 'True', 'TemplateNotFound')
    const letGo = hold(world, shutdown, status?.vmid)
    const name = await press(world, 'beside', 'ChangePackage')
    await until('the VM is shut down for it', async () => (await world.vm('beside'))?.status?.change?.wasRunning)
    await world.client.delete(secrets, { namespace: world.namespace, name: secret })
    letGo()

    const command = await finished(world, name)
    expect([reasonOf(command), command.status?.message]).toEqual(['SecretNotFound', expect.stringContaining(noSecret(secret))])
  })

  it('Reinstall that waits for the brake on deletions says so, and goes on when that lets it', async () => {
    await world.born('braked')
    const limit = (max: number) =>
      world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { limits: { deletions: { max } } } })
    await limit(0)
    const name = await press(world, 'braked', 'Reinstall')
    const waiting = await until('the command says why it waits', async () => {
      const { phase, message } = (await commandNamed(world, name))?.status ?? {}
      return message?.includes('limits.deletions') ? phase : undefined
    })
    expect(waiting).toBe('Running')

    await limit(10)
    await world.edit('braked', { metadata: { labels: { look: 'again' } } })
    world.clock.skip(61_000)
    expect((await finished(world, name)).status?.message).toBe('The VM was reinstalled and is ready.')
  })

  it.each([
    ['Reinstall', 'DELETE /nodes/{node}/qemu/{vmid}', /^Deleting VM \d+ failed: no room today\. The operator retries\.$/],
    ['ResetPassword', 'POST /nodes/{node}/qemu/{vmid}/config', /^no room today\. The operator retries\.$/],
  ] as const)('%s says what PVE refuses while the operator retries', async (command, route, words) => {
    const name = `refused-${command.toLowerCase()}`
    const vm = await world.born(name, { cloudInit: { user: 'admin', generatePassword: true } })
    const match = { vmid: vm.status?.vmid }
    world.simulator.faults.add([{ id: name, route, match, times: 'always', status: 500, reason: 'no room today' } as never], [])
    const pressed = await press(world, name, command)
    await until('it says so', async () => words.test((await commandNamed(world, pressed))?.status?.message ?? ''))
    world.simulator.faults.remove(name)
    await until('it ends', async () => {
      world.skip(5_000)
      return (await commandNamed(world, pressed))?.status?.finishedAt
    })
    expect((await commandNamed(world, pressed))?.status?.phase).toBe('Succeeded')
  })
})
