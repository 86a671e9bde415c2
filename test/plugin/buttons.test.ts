import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import type { ProxmoxVMCommand } from '../../src/api/proxmoxvmcommand.ts'
import { Manifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { testKubeconfig } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { at, child, pve } from './terminal.ts'

describe('kubectl pve presses buttons', () => {
  let world: TestWorld
  const here = at(() => world.namespace)
  const isOn = async () => (await world.vm('small'))?.status?.remoteStatus

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await world.apply('small')
    await world.untilReady('small')
  })
  afterAll(async () => await world.stop())

  it('ends with 1 and the sentence of the operator when a button is refused', async () => {
    expect(await here('start', 'small')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('kubectl pve: start small: PreconditionFailed: The VM already runs.\n'),
    })
    expect(await here('set-cpu-ram', 'small')).toMatchObject({ code: 1, err: expect.stringContaining('needs a VM that is off') })
  })

  it('waits for the end as a child process, and tells each change on a line', async () => {
    const { code, out, err } = await child(['shutdown', 'small', '-n', world.namespace, '--reason', 'maintenance'])
    expect({ code, out }).toEqual({ code: 0, out: 'shutdown small: The guest shut down.\n' })
    for (const drawn of ['\r', '\u001B']) expect(err).not.toContain(drawn)
    await until('it is seen off', async () => (await isOn()) === 'stopped')
  })

  it.each([
    [['set-cpu-ram'], 'set-cpu-ram small: set_cpu_ram is as the package says.\n'],
    [['set-cloud-init'], 'set-cloud-init small: set_cloudinit is as the package says.\n'],
    [['set-system-disk-size'], 'set-system-disk-size small: set_system_disk_size is as the package says.\n'],
    [['set-dedicated-ip'], 'set-dedicated-ip small: The VM has no entry in spec.addresses.\n'],
    [['start'], 'start small: PVE started the VM.\n'],
    [['reboot'], 'reboot small: PVE rebooted the guest.\n'],
    [['stop'], 'stop small: PVE cut the power.\n'],
    [['remove'], expect.stringContaining('keeps its VMID, addresses and backups.\n')],
    [['clone'], 'clone small: The VM was cloned and is ready.\n'],
  ])('does %j and says so', async ([name = ''], sentence) => {
    expect(await here(name, 'small')).toMatchObject({ code: 0, out: sentence })
  })

  it('draws one line again and again on a terminal, and clears it', async () => {
    const { code, err } = await pve(['reboot', 'small', '-n', world.namespace, '--kubeconfig', testKubeconfig()], {
      isTerminal: true,
      columns: 40,
    })
    expect(code).toBe(0)
    expect(err).not.toContain('\n')
    expect(err.endsWith('\r\u001B[2K')).toBe(true)
    for (const line of err.split('\r\u001B[2K')) expect(line.length).toBeLessThan(40)
  })

  it('prints the finished command as JSON', async () => {
    const { code, out } = await here('set-network', 'small', '-o', 'json', '--ttl', '1h', '--reason', 'ticket 4711')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      kind: 'ProxmoxVMCommand',
      spec: { vmRef: { name: 'small' }, command: 'SetNetwork', ttlSecondsAfterFinished: 3600, reason: 'ticket 4711' },
      status: { phase: 'Succeeded' },
    })
  })

  it('does not wait when told so', async () => {
    const { code, out } = await here('set-firewall', 'small', '--no-wait')
    expect(code).toBe(0)
    const [, name = ''] = /^proxmoxvmcommand\.pve\.hosting\/(small-set-firewall-[0-9a-f]{6}) created\n$/.exec(out) ?? []
    const key = { namespace: world.namespace, name }
    await until('it is done', async () => (await world.client.get(proxmoxVMCommands, key))?.status?.phase === 'Succeeded')
  })

  it('says which VM is not there', async () => {
    expect(await here('start', 'smal')).toEqual({
      code: 1,
      out: '',
      err: `kubectl pve: ProxmoxVM "smal" does not exist in namespace ${world.namespace}\n`,
    })
  })

  it('says in one sentence which right is missing', async () => {
    await new Manifests({ client: world.client, clock: systemClock }).apply([
      role('watcher', [{ apiGroups: ['pve.hosting'], resources: ['proxmoxvms'], verbs: ['get', 'patch'] }]),
      role('presser', [{ apiGroups: ['pve.hosting'], resources: ['proxmoxvmcommands'], verbs: ['create'] }]),
      binding('watcher', 'wanda'),
      binding('watcher', 'peter'),
      binding('presser', 'peter'),
    ])
    const asPeter = ['-n', world.namespace, '--kubeconfig', testKubeconfig(), '--as', 'peter', '--as-group', 'system:authenticated']
    const refused = await until('the roles act', async () => {
      const said = await pve(['stop', 'small', ...asPeter])
      return said.err.includes('proxmoxvms/stop') && said
    })
    expect(refused).toEqual({
      code: 1,
      out: '',
      err: `kubectl pve: peter may not Stop ProxmoxVM small: this needs the right to create proxmoxvms/stop of pve.hosting in namespace ${world.namespace}\n`,
    })
    expect((await pve(['suspend', 'small', '--reason', 'x', ...asPeter])).err).toBe(
      `kubectl pve: peter may not change spec.suspensions of ProxmoxVM small: this needs the right to update proxmoxvms/suspend of pve.hosting in namespace ${world.namespace}\n`,
    )
    const asWanda = asPeter.map((word) => (word === 'peter' ? 'wanda' : word))
    expect((await pve(['stop', 'small', ...asWanda])).err).toMatch(
      /^kubectl pve: proxmoxvmcommands\.pve\.hosting is forbidden: User "wanda" cannot create resource "proxmoxvmcommands" in API group "pve\.hosting"/,
    )
  })

  it('ends with 3 when it is not finished in time, and with 130 on Ctrl-C; the command stays', async () => {
    await world.stopOperator()
    const late = await here('stop', 'small', '--timeout', '1s')
    expect(late.code).toBe(3)
    expect(late.err).toMatch(/Stop has not begun; small: Running\n/)
    const [, later] = /The operator continues; look with: kubectl get pvcmd (\S+) -n/.exec(late.err) ?? []
    const stop = AbortSignal.abort()
    const cut = await pve(['reboot', 'small', '-n', world.namespace, '--kubeconfig', testKubeconfig()], { signal: stop })
    expect(cut).toMatchObject({ code: 130, err: expect.stringContaining('the operator continues') })
    const command = await world.client.get<ProxmoxVMCommand>(proxmoxVMCommands, { namespace: world.namespace, name: later ?? '' })
    expect(command?.spec.command).toBe('Stop')
  })

  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' }
  const role = (name: string, rules: object[]) => ({ ...rbac, kind: 'Role', metadata: { name, namespace: world.namespace }, rules })
  const binding = (name: string, user: string) => ({
    ...rbac,
    kind: 'RoleBinding',
    metadata: { name: `${name}-${user}`, namespace: world.namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
  })
})
