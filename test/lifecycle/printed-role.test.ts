import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, secrets } from '../../src/api/meta.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import { type Capability, capabilities } from '../../src/cluster/privileges.ts'
import { roleCommands } from '../../src/cluster/role.ts'
import { vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const secret = '00000000-0000-4000-8000-000000000001'

/** One printed `pveum` line as the request it makes (pve-access-control, PVE::CLI::pveum); the answer of a token is its secret. */
async function pveum(world: TestWorld, line: string): Promise<unknown> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  const option = (name: string): string => words[words.indexOf(`--${name}`) + 1] ?? ''
  const [, kind, verb, ...rest] = words
  if (kind === 'role' && verb === 'add')
    return await world.inPve('POST', '/access/roles', { roleid: rest[0] ?? '', privs: option('privs').replaceAll(' ', ',') })
  if (kind === 'user' && verb === 'add')
    return await world.inPve('POST', '/access/users', { userid: rest[0] ?? '', comment: option('comment') })
  if (kind === 'user' && verb === 'token')
    return await world.inPve('POST', `/access/users/${rest[1]}/token/${rest[2]}`, { privsep: option('privsep') })
  if (kind !== 'acl' || verb !== 'modify') throw new Error(`no such command: ${line}`)
  const who = words.includes('--users') ? { users: option('users') } : { tokens: option('tokens') }
  return await world.inPve('PUT', '/access/acl', { path: rest[0] ?? '', roles: option('roles'), propagate: option('propagate'), ...who })
}

/** Runs what is printed as an admin would, line by line, and gives the operator the token. */
async function startWithPrinted(text: string, simulation: object = {}): Promise<TestWorld> {
  const world = await TestWorld.start({ operator: false, ...simulation })
  let made: { value?: string } = {}
  for (const line of text.split('\n').filter((each) => each.startsWith('pveum '))) {
    const answer = await pveum(world, line)
    if (line.startsWith('pveum user token add')) made = answer as { value?: string }
  }
  const stringData = { tokenID: 'pve-operator@pve!k8s', tokenSecret: made.value ?? '' }
  await world.client.mergePatch(secrets, { namespace: world.namespace, name: 'token' }, { stringData })
  await world.startOperator()
  return world
}

describe.each([8, 9] as const)('on PVE %d each line that `pve-operator role` prints is taken', (pve) => {
  it('and the token has every privilege of the table, also with all capabilities', async () => {
    const all = Object.keys(capabilities) as Capability[]
    const version = pve === 8 ? { version: '8.4.14' } : {}
    const world = await startWithPrinted(roleCommands({ pve, capabilities: all }), { scenario: version })
    try {
      await until('the token is judged', async () => (await world.clusterCondition('Ready'))?.status === 'True')
      const { status } = (await world.get<ProxmoxCluster>(proxmoxClusters, world.cluster)) ?? {}
      expect([status?.missingPrivileges, status?.capabilities]).toEqual([[], []])
    } finally {
      await world.stop()
    }
  })
})

describe('a token with what is needed and nothing else', () => {
  it('leaves the cluster Ready, and says what is off and why', async () => {
    const world = await startWithPrinted(roleCommands({ pve: 9, capabilities: [] }))
    try {
      await until('the token is judged', async () => (await world.clusterCondition('Ready'))?.status === 'True')
      const { status } = (await world.get<ProxmoxCluster>(proxmoxClusters, world.cluster)) ?? {}
      expect(status?.missingPrivileges).toEqual([])
      expect(status?.capabilities?.map(({ name }) => name)).toEqual(Object.keys(capabilities))
      expect(status?.capabilities?.[0]?.message).toBe(
        'The token lacks VM.Backup on /vms, which is needed to make, find and delete backups of a VM, and restore it, or make a new VM, from one; grant it (pve-operator role --with backup).',
      )
    } finally {
      await world.stop()
    }
  })
})

describe('a token that has its rights on guests and storages through a PVE pool only', () => {
  it('makes a VM in the pool, and gives it back', async () => {
    const pools = [{ poolid: 'ours', vms: [9000, 9001, 9002], storages: ['local-lvm'] }]
    const world = await startWithPrinted(roleCommands({ pve: 9, capabilities: ['backup'], pool: 'ours' }), {
      scenario: { pools },
      limits: { pvePool: 'ours' },
    })
    try {
      await world.apply('pooled')
      const vm = await world.untilReady('pooled', 60)
      expect(await world.inPve('GET', '/pools/ours')).toMatchObject({
        members: expect.arrayContaining([expect.objectContaining({ vmid: vm.status?.vmid })]),
      })
      const { status } = (await world.get<ProxmoxCluster>(proxmoxClusters, world.cluster)) ?? {}
      expect([status?.missingPrivileges, status?.capabilities?.map(({ name }) => name)]).toEqual([
        [],
        ['quorum', 'placement', 'snapshot', 'migrate', 'agent', 'password', 'cloudinit'],
      ])
      await world.delete('pooled')
      await world.untilGone('pooled', 60)
      expect(world.guests()).toEqual([])
    } finally {
      await world.stop()
    }
  })
})

describe('a token with the role that `pve-operator role` makes', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await startWithPrinted(roleCommands({ pve: 9 }))
  })
  afterAll(async () => await world.stop())

  it('lacks nothing', async () => {
    await world.apply('small')
    await world.untilReady('small')
    const cluster = await world.get<ProxmoxCluster>(proxmoxClusters, world.cluster)
    expect(cluster?.status?.missingPrivileges ?? []).toEqual([])
  })

  it('is enough for the whole life of a VM with everything in it', async () => {
    const pool = await world.pool({
      ranges: ['198.51.100.10-198.51.100.20'],
      prefixLength: 24,
      gateway: '198.51.100.1',
      network: { bridge: 'vmbr0', vlan: 7 },
      scope: world.cluster,
    })
    await world.apply('whole', {
      package: vpsM,
      addresses: [{ name: 'main', poolRef: { name: pool } }],
      cloudInit: { user: 'admin', generatePassword: true },
    })
    const vm = await world.untilReady('whole')
    await world.edit('whole', { spec: { package: { systemDisk: { size: '50Gi' }, network: { rateMbit: 200 } } } })
    await world.untilReady('whole')
    await world.delete('whole')
    await world.untilGone('whole')
    expect(world.simulator.world.guests.has(vm.status?.vmid ?? 0)).toBe(false)
  })

  it('lets no reinstall delete a VM once it has lost a privilege that the new one needs', async () => {
    const vm = await world.born('kept')
    const [role = ''] = /(?<=pveum role add )\S+/.exec(roleCommands({ pve: 9 })) ?? []
    const privileges = Object.keys((await world.inPve('GET', `/access/roles/${role}`)) as object)
    const grant = (all: readonly string[]) => world.inPve('PUT', `/access/roles/${role}`, { privs: all.join(',') })
    await grant(privileges.filter((each) => each !== 'VM.Clone'))
    await world.edit('kept', { spec: { reinstall: { requestID: 'r1' } } })
    const stalled = await world.untilCondition('kept', 'Stalled', 'True', 'PermissionDenied')
    expect(world.condition(stalled, 'Stalled')?.message).toContain(
      'nothing was deleted. The token lacks VM.Clone on /vms, without which the new VM cannot be made',
    )
    expect(world.guestOf(vm).isRunning).toBe(true)
    await grant(privileges)
    await world.edit('kept', { spec: { reinstall: { requestID: 'r2' } } })
    await until('it is reinstalled', async () => (await world.vm('kept'))?.status?.reinstall?.completedIDs?.includes('r2'))
  })

  it('is told before the clone that its PVE restricts tags, and makes the VM with tags None', async () => {
    await world.inPve('PUT', '/cluster/options', { 'user-tag-access': 'user-allow=list,user-allow-list=web;db' })
    world.clock.skip(301_000)
    const tagAccess = () => world.operator?.operator.clusters.directory.get(world.cluster)?.facts()?.tagAccess
    await until('the operator knows', () => tagAccess() !== undefined)
    world.simulator.requests.reset()
    await world.apply('tagged', { runStrategy: 'Halted' })
    const vm = await world.untilCondition('tagged', 'Stalled', 'True', 'PermissionDenied')
    expect(world.condition(vm, 'Stalled')?.message).toContain(`Write tags: None into ProxmoxCluster ${world.cluster}`)
    expect(world.writes().filter((line) => line.endsWith('/clone'))).toEqual([])
    await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { tags: 'None' } })
    await world.untilReady('tagged', 60)
  })
})

/** The server of the recordings: one node, one directory storage, no KVM; a template is made on it as an admin would. */
describe('the recorded PVE', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await TestWorld.start({ preset: 'recorded', token: { id: 'root@pam!op', secret }, vmids: { from: 5000, to: 5099 } })
    const create = {
      vmid: 900,
      name: 'golden',
      memory: 64,
      kvm: 0,
      cpu: 'qemu64',
      scsihw: 'virtio-scsi-pci',
      scsi0: 'local:0.0625,format=qcow2',
      ide2: 'local:cloudinit',
      ostype: 'l26',
      boot: 'order=scsi0',
      net0: 'virtio,bridge=vmbr0,tag=5,firewall=1',
      tags: 'gold',
      description: 'golden image',
      protection: 1,
    }
    await call(world, 'POST', '/nodes/pve1/qemu', create)
    await call(world, 'POST', '/nodes/pve1/qemu/900/template', {})
  })
  afterAll(async () => await world.stop())

  it('gets a VM from its template, full and linked, on directory storage', async () => {
    const template = { name: 'golden' }
    const wanted = {
      cpu: { cores: 1 },
      memory: { size: '128Mi' },
      systemDisk: { size: '1Gi' },
      additionalDisks: [{ name: 'data', size: '1Gi' }],
      network: { bridge: 'vmbr0' },
    }
    await world.apply('full', { template, package: wanted })
    await world.apply('linked', { template: { ...template, clone: 'Linked' }, package: wanted })
    const vms = [await world.untilReady('full', 60), await world.untilReady('linked', 60)]
    for (const vm of vms) {
      const config = Object.fromEntries(world.simulator.world.guests.get(vm.status?.vmid ?? 0)?.config ?? [])
      expect(config).toMatchObject({ memory: '128', tags: 'pve-operator' })
      expect(config.scsi1).toMatch(/\.qcow2,size=1G$/)
      expect(config.protection ?? '0').toBe('0')
      expect(config.description).not.toContain('golden')
    }
  })

  it('gives it back', async () => {
    for (const name of ['full', 'linked']) await world.delete(name)
    for (const name of ['full', 'linked']) await world.untilGone(name)
    expect([...world.simulator.world.guests.keys()]).toEqual([900])
  })
})

async function call({ simulator }: TestWorld, method: string, path: string, params: Record<string, string | number>): Promise<void> {
  const { Agent, request } = await import('undici')
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  const headers = { authorization: `PVEAPIToken=root@pam!op=${secret}`, 'content-type': 'application/json' }
  const origin = `${simulator.url}/api2/json`
  const answer = await request(`${origin}${path}`, { method: method as 'POST', headers, body: JSON.stringify(params), dispatcher })
  const { data } = (await answer.body.json()) as { data: string }
  for (;;) {
    const task = await request(`${origin}/nodes/pve1/tasks/${encodeURIComponent(data)}/status`, { headers, dispatcher })
    const status = ((await task.body.json()) as { data: { status: string; exitstatus?: string } }).data
    if (status.status !== 'stopped') continue
    expect(status.exitstatus).toBe('OK')
    break
  }
  await dispatcher.close()
}
