import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs, vmPackages } from '../../src/api/meta.ts'
import { TestWorld } from '../support/world.ts'
import { at, child } from './terminal.ts'

describe('kubectl pve writes the spec', () => {
  let world: TestWorld
  let packageName = ''
  const here = at(() => world.namespace)
  const memory = async () => {
    const vm = await world.vm('small')
    return world.simulator.world.guests.get(vm?.status?.vmid ?? 0)?.config.get('memory')
  }

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    packageName = await world.package({
      cpu: { cores: 1 },
      memory: { size: '1Gi' },
      systemDisk: { size: '20Gi' },
      network: { bridge: 'vmbr0' },
    })
    await world.apply('small', { package: undefined, packageRef: { name: packageName }, shutdownTimeout: '5s' })
    await world.untilReady('small')
  })
  afterAll(async () => await world.stop())

  describe('suspend and unsuspend', () => {
    it('holds the VM down for one holder each, and starts it after the last', async () => {
      const first = await child(['suspend', 'small', '-n', world.namespace, '--by', 'billing', '--reason', 'unpaid'])
      expect(first).toMatchObject({ code: 0, out: 'suspend small: the VM is off, held by billing (unpaid)\n' })
      expect(await here('suspend', 'small', '--by', 'abuse', '--reason', 'spam')).toMatchObject({
        code: 0,
        out: 'suspend small: the VM is off, held by billing (unpaid), abuse (spam)\n',
      })
      expect(await here('start', 'small')).toMatchObject({
        code: 1,
        err: expect.stringContaining('suspended by billing (unpaid), abuse (spam)'),
      })
      expect(await here('unsuspend', 'small', '--by', 'billing')).toMatchObject({
        code: 0,
        out: 'unsuspend small: still suspended by abuse (spam)\n',
      })
      expect(await here('unsuspend', 'small', '--by', 'abuse')).toMatchObject({
        code: 0,
        out: 'unsuspend small: no suspension is left; the VM is running\n',
      })
    })

    it('refuses to take away what somebody else wrote, unless forced', async () => {
      const entry = { apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVM', metadata: { namespace: world.namespace, name: 'small' } }
      const wish = { ...entry, spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } }
      await world.client.apply(proxmoxVMs, wish as never, { fieldManager: 'whmcs' })
      expect(await here('unsuspend', 'small', '--by', 'billing')).toMatchObject({
        code: 1,
        err: expect.stringContaining('the entry of "billing" was written by whmcs; remove it there, or here with --force'),
      })
      expect(await here('suspend', 'small', '--by', 'billing', '--reason', 'other words')).toMatchObject({
        code: 1,
        err: expect.stringMatching(
          /another writer owns spec\.suspensions\[by="billing"\]\.reason \(held by "whmcs".*--force takes the field over/,
        ),
      })
      expect(await here('unsuspend', 'small', '--by', 'billing', '--force')).toMatchObject({ code: 0 })
      expect((await here('unsuspend', 'small')).err).toContain('"manual" has no suspension on it; nobody holds it')
      await world.untilCondition('small', 'Ready', 'True', 'Running')
    })
  })

  describe('change-package', () => {
    it('applies the fields of its flags and keeps those of earlier calls', async () => {
      expect(await here('change-package', 'small', '--memory', '2Gi')).toMatchObject({
        code: 0,
        out: 'change-package small: the package is applied\n',
      })
      expect(await memory()).toBe('2048')
      expect(await here('change-package', 'small', '--set', 'cpu.limit=0.5', '--rate', '80', '-o', 'json')).toMatchObject({ code: 0 })
      expect((await world.vm('small'))?.spec.package).toEqual({ memory: { size: '2Gi' }, cpu: { limit: '0.5' }, network: { rateMbit: 80 } })
      expect(await memory()).toBe('2048')
    })

    it('tells what was not done of it, and what the API server refuses', async () => {
      const { code, out } = await here('change-package', 'small', '--disk', '10Gi')
      expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('DiskShrinkRefused: The system disk (scsi0) has 20Gi') })
      expect((await here('change-package', 'small', '--disk', '20Gi')).out).toBe('change-package small: the package is applied\n')
      expect(await here('change-package', 'small', '--set', 'cpu.kores=2')).toMatchObject({
        code: 1,
        err: expect.stringContaining('spec.package.cpu.kores'),
      })
      expect(await here('change-package', 'small', '--set', 'cpu')).toMatchObject({
        code: 1,
        err: expect.stringContaining('write FIELD=VALUE'),
      })
      expect(await here('change-package', 'small', '--memory', '8Mi')).toMatchObject({ code: 1, err: expect.stringContaining('4Gi') })
    })

    it('takes the newest VMPackage without flags', async () => {
      await world.client.mergePatch(vmPackages, { name: packageName }, { spec: { cpu: { cores: 2 } } })
      const plan = await here('plan', 'small')
      expect(plan.out).toMatch(
        /With change-package.*\n {2}because VMPackage \S+ is at generation 2, this VM at 1\n {4}set_cpu_ram: cores (?:1|unset) → 2/,
      )
      expect(await here('change-package', 'small')).toMatchObject({
        code: 0,
        out: 'change-package small: The VM has the newest version of its package.\n',
      })
      expect((await world.vm('small'))?.status?.package?.cpu?.cores).toBe(2)
    })
  })

  describe('reinstall', () => {
    it('runs one request once, and waits until the VM is back', async () => {
      expect(await here('reinstall', 'small', '--request-id', 'r1')).toMatchObject({
        code: 0,
        out: 'reinstall small: request r1 is done; the VM is running\n',
      })
      expect(await here('reinstall', 'small', '--request-id', 'r1')).toMatchObject({
        code: 1,
        err: 'kubectl pve: reinstall small: request r1 ran before and never runs again; use another --request-id\n',
      })
    })

    it('is refused before anything is written when the cluster has no such template', async () => {
      const before = await world.vm('small')
      const { code, err } = await here('reinstall', 'small', '--template', 'debian-1')
      expect(code).toBe(1)
      expect(err).toContain(`cluster ${world.cluster} has no template "debian-1"; there are debian-13, ubuntu-24.04`)
      expect((await world.vm('small'))?.metadata.generation).toBe(before?.metadata.generation)
    })
  })
})
