import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMCommands, vmPackages } from '../../src/api/meta.ts'
import { testKubeconfig } from '../support/kube.ts'
import { TestWorld } from '../support/world.ts'
import { until } from '../support/until.ts'
import { answering, at, pve, type Said } from './terminal.ts'

describe('kubectl pve over several VMs', () => {
  let world: TestWorld
  let packageName = ''
  let pool = ''
  const here = at(() => world.namespace)
  const json = ({ out }: Said) => JSON.parse(out) as Record<string, unknown>[]
  const commands = async () =>
    (await world.client.list(proxmoxVMCommands, { namespace: world.namespace })).map(({ metadata }) => metadata.name)
  const generation = async (name: string) => (await world.vm(name))?.metadata.generation
  const coresOf = async (name: string) => (await world.vm(name))?.status?.package?.cpu?.cores
  const whileAsked = (answer: string, asked: string[], ...args: string[]) => answering(answer, asked)(...args, '-n', world.namespace)

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool({
      ranges: ['198.51.100.10-198.51.100.20'],
      prefixLength: 24,
      gateway: '198.51.100.1',
      network: { bridge: 'vmbr0' },
    })
    packageName = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } })
    const spec = {
      package: undefined,
      packageRef: { name: packageName },
      addresses: [{ name: 'main', poolRef: { name: pool } }],
      shutdownTimeout: '5s',
    }
    for (const name of ['a', 'b', 'c'])
      await world.apply(name, spec, { labels: { 'pve.hosting/client-id': '7', 'pve.hosting/service-id': `${name}-55` } })
    for (const name of ['a', 'b', 'c']) await world.untilReady(name)
  })
  afterAll(async () => await world.stop())

  describe('ls', () => {
    it('shows package, cluster, template and addresses', async () => {
      const { code, out } = await here('ls')
      expect(code).toBe(0)
      expect(out).toMatch(/^NAME +PHASE +WAITS-FOR +PACKAGE +CLUSTER +TEMPLATE +NODE +VMID +IPS +REMARKS +AGE$/m)
      expect(out).toMatch(
        new RegExp(String.raw`^a +Running +${packageName} +${world.cluster} +debian-13 +pve\d +\d+ +198\.51\.100\.\d+ +\d+`, 'm'),
      )
    })

    it('takes a selector, all namespaces, and prints data', async () => {
      const found = json(await here('ls', '-A', '-l', 'pve.hosting/service-id=b-55', '-o', 'json')).filter(
        ({ namespace }) => namespace === world.namespace,
      )
      expect(found).toMatchObject([{ namespace: world.namespace, name: 'b', phase: 'Running', package: packageName, remarks: [] }])
    })
  })

  it('find tells whose a service, a VMID, a MAC and an address are', async () => {
    const { status } = (await world.vm('b')) ?? {}
    const keys = [
      'b-55',
      String(status?.vmid),
      status?.interfaces?.[0]?.macAddress ?? '',
      status?.addresses?.[0]?.address ?? '',
      `${world.namespace}/b`,
    ]
    for (const key of keys) {
      const found = json(await here('find', key, '-o', 'json'))
      expect(found.map(({ where }) => where)).toContain(`${world.namespace}/b`)
    }
    expect(await here('find', 'nobody-knows-this')).toMatchObject({
      code: 1,
      err: expect.stringContaining('nothing found for "nobody-knows-this"'),
    })
  })

  it('completes names of VMs, packages and namespaces', async () => {
    const asked = async (...words: string[]) =>
      (await pve(['__complete', '--kubeconfig', testKubeconfig(), '-n', world.namespace, ...words])).out
    expect(await asked('status', '')).toMatch(/^a\tRunning, 198\S+\nb\t.*\nc\t.*\n:4\n$/)
    expect(await asked('release', 'a', '')).toMatch(/^b\t.*\nc\t.*\n:4\n$/)
    expect(await asked('change-package', 'a', '--package', packageName.slice(0, -1))).toBe(`${packageName}\n:4\n`)
    expect(await asked('change-package', 'a', `--all-of=${packageName.slice(0, -1)}`)).toBe(`--all-of=${packageName}\n:4\n`)
    expect(await asked('reinstall', 'a', '--template', 'deb')).toContain('debian-13\n')
    expect(await asked('reinstall', 'a', '--request')).toMatch(/^--request-id\t.*\n:4\n$/)
    expect(await asked('status', '--kubeconfig', '')).toBe(':0\n')
  })

  describe('a dry run', () => {
    it('shows the plan of an edit and writes nothing', async () => {
      const before = await generation('a')
      const { code, out } = await here('change-package', 'a', '--memory', '2Gi', '--dry-run')
      expect({ code, out }).toEqual({
        code: 0,
        out: expect.stringMatching(
          /memory 1024 → 2048 +\[the VM is stopped for it\]\n[^]*Dry run: the API server accepts this edit; nothing was written\.\n$/,
        ),
      })
      expect((await here('suspend', 'a', '--reason', 'x', '--dry-run')).out).toMatch(/suspended by manual[^]*nothing was written/)
      expect((await here('backup', 'a', '--dry-run')).out).toMatch(/would be created\. Dry run: nothing was written\.\n$/)
      expect(json(await here('snapshot', 'a', '--dry-run', '-o', 'json'))).toMatchObject({ kind: 'ProxmoxVMSnapshot' })
      expect((await here('reinstall', 'a', '--dry-run')).out).toMatch(/reinstall from debian-13[^]*nothing was written/)
      expect(await generation('a')).toBe(before)
    })

    it('shows what a button needs and creates no command', async () => {
      const { out } = await here('stop', 'a', '--dry-run')
      expect(out).toBe(
        'stop a: the API server accepts the command; the operator carries it out if this holds: running, not Always. Dry run: nothing was written.\n',
      )
      expect(await here('release', 'a', '--dry-run')).toMatchObject({
        code: 0,
        out: 'release: 1 VM would be released. Dry run: nothing was written.\n',
      })
      expect(await commands()).toEqual([])
      expect((await world.vm('a'))?.metadata.annotations?.['pve.hosting/release']).toBeUndefined()
    })
  })

  describe('at a terminal', () => {
    it.each([
      [['stop', 'a'], 'Cut the power of NS/a (a)? [y/N] '],
      [['shutdown', 'a'], 'Shut down NS/a (a)? [y/N] '],
      [['reboot', 'a'], 'Reboot NS/a (a)? [y/N] '],
      [['remove', 'a'], 'Delete the VM of NS/a (a) with its disks? [y/N] '],
      [['suspend', 'a', '--reason', 'unpaid'], 'Shut down NS/a and keep it off? [y/N] '],
      [['reinstall', 'a'], 'Delete the disks of NS/a and install template "debian-13"? [y/N] '],
      [['backup', 'a', '--mode', 'Stop'], 'Shut down NS/a for its backup, and start it again? [y/N] '],
      [['restore', 'a', 'yesterday'], 'Replace the disks of NS/a by those of yesterday? [y/N] '],
      [['change-package', 'a', '--memory', '2Gi'], 'Stop NS/a and start it again for: set_cpu_ram: memory 1024 → 2048? [y/N] '],
    ])('%j asks first and does nothing without a yes', async (args, question) => {
      const before = await generation('a')
      const asked: string[] = []
      expect(await whileAsked('n', asked, ...args)).toMatchObject({ code: 1, err: 'kubectl pve: nothing was done\n' })
      expect(asked).toEqual([question.replace('NS', world.namespace)])
      expect(await commands()).toEqual([])
      expect(await generation('a')).toBe(before)
    })

    it('nobody is asked about what stops nothing, nor after --yes', async () => {
      const asked: string[] = []
      expect(await whileAsked('n', asked, 'set-firewall', 'a')).toMatchObject({ code: 0 })
      expect(await whileAsked('n', asked, 'stop', 'c', '--yes')).toMatchObject({ code: 0 })
      expect(await whileAsked('n', asked, 'start', 'c')).toMatchObject({ code: 0 })
      expect(asked).toEqual([])
      for (const name of await commands()) await world.client.delete(proxmoxVMCommands, { namespace: world.namespace, name })
    })
  })

  it('refuses a package that is not there before anything is written', async () => {
    const before = await generation('a')
    const { code, err } = await here('change-package', 'a', '--package', 'no-such-package')
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/change-package a: VMPackage "no-such-package" does not exist; there are .*\. Nothing was written.\n$/),
    })
    expect((await here('change-package', '--all-of', 'no-such-package')).err).toContain('VMPackage "no-such-package" does not exist')
    expect(await generation('a')).toBe(before)
  })

  it.each([
    [['change-package'], 'write the name of one VM, or --all-of with a VMPackage'],
    [['change-package', 'a', '--all-of', 'p'], 'write the name of one VM, or --all-of with a VMPackage'],
    [['adopt', '--cluster', 'c', '--vmid', '101', '--dry-run'], '--cluster only prints manifests'],
    [['change-package', 'a', '--max', '2'], '--max and -A belong to --all-of'],
    [['change-package', '--all-of', 'p', '--cores', '2'], '--all-of takes the newest VMPackage'],
    [['change-package', '--all-of', 'p', '--max', '0'], '--max must be at least 1'],
    [['change-package', '--all-of', 'p', '--no-wait'], '--no-wait does not go with --all-of'],
  ])('%j is wrong usage', async (args, sentence) => {
    expect(await here(...args)).toMatchObject({ code: 2, err: expect.stringContaining(sentence) })
  })

  describe('change-package --all-of', () => {
    it('and outdated have nothing to tell while every VM has the newest', async () => {
      expect((await here('outdated')).out).toBe('every VM has the newest version of its package\n')
      expect((await here('change-package', '--all-of', packageName)).out).toBe(
        `change-package: every VM of package ${packageName} has its newest version\n`,
      )
    })

    it('outdated tells what the newest would change, and for which a stop is needed', async () => {
      await world.client.mergePatch(vmPackages, { name: packageName }, { spec: { cpu: { cores: 2 } } })
      await until('all three are outdated', async () => json(await here('outdated', '-o', 'json')).length === 3)
      const { out } = await here('outdated', '--package', packageName)
      expect(out).toMatch(new RegExp(String.raw`^\S+ +a +${packageName} +1 +2 +yes +set_cpu_ram: cores (?:1|unset) → 2$`, 'm'))
      expect(await here('change-package', '--all-of', packageName, '--dry-run')).toMatchObject({
        code: 0,
        out: `${out}Dry run: nothing was written.\n`,
      })
      expect(await coresOf('a')).toBe(1)
    })

    it('asks, and without a terminal wants --yes', async () => {
      const { code, err } = await here('change-package', '--all-of', packageName)
      expect({ code, err }).toEqual({
        code: 2,
        err: expect.stringContaining('this needs a confirmation and there is no terminal: add --yes to confirm'),
      })
      const asked: string[] = []
      expect(await whileAsked('n', asked, 'change-package', '--all-of', packageName, '--max', '2')).toMatchObject({ code: 1 })
      expect(asked).toEqual(['Change the package of these 3 VMs, 2 at a time? 3 are stopped for it. [y/N] '])
    })

    it('begins no further VM after the first that fails', async () => {
      await world.edit('a', {
        spec: { suspensions: [{ by: 'test', reason: 'broken' }] },
        metadata: { annotations: { 'pve.hosting/paused': 'true' } },
      })
      await world.untilCondition('a', 'Paused', 'True')
      const { code, err, out } = await here('change-package', '--all-of', packageName, '--yes')
      expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(/^\S+\/a: Failed: .+\n$/) })
      expect(err).toMatch(/change-package: 0 of 3 VMs changed, not \S+\/a; 2 not begun\n$/)
      expect(await Promise.all(['a', 'b', 'c'].map(coresOf))).toEqual([1, 1, 1])
      await world.edit('a', { spec: { suspensions: [] }, metadata: { annotations: { 'pve.hosting/paused': null } } })
      await world.untilReady('a')
    })

    it('changes them all, so many at a time', async () => {
      const { code, out } = await here('change-package', '--all-of', packageName, '--max', '2', '--yes')
      expect(code).toBe(0)
      expect(out).toMatch(/change-package: 3 of 3 VMs changed\n$/)
      expect(await Promise.all(['a', 'b', 'c'].map(coresOf))).toEqual([2, 2, 2])
      expect((await here('outdated')).out).toBe('every VM has the newest version of its package\n')
    })
  })
})
