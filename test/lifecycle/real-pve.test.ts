import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters } from '../../src/api/meta.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import { neededPrivileges } from '../../src/cluster/privileges.ts'
import { vpsM } from '../support/builders.ts'
import { TestWorld } from '../support/world.ts'

const secret = '00000000-0000-4000-8000-000000000001'

describe('a token with the role that `pve-operator role` makes', () => {
  let world: TestWorld

  beforeAll(async () => {
    const privileges = [...new Set(neededPrivileges.map(({ privilege }) => privilege))]
    const paths = [...new Set(neededPrivileges.map(({ path }) => path))]
    const holders = [
      { type: 'user' as const, ugid: 'pve-operator@pve' },
      { type: 'token' as const, ugid: 'pve-operator@pve!k8s' },
    ]
    world = await TestWorld.start({
      token: { id: 'pve-operator@pve!k8s', secret },
      scenario: {
        users: [{ userid: 'root@pam' }, { userid: 'pve-operator@pve' }],
        tokens: [{ tokenid: 'pve-operator@pve!k8s', secret, privsep: true }],
        roles: { PVEOperator: privileges },
        acl: paths.flatMap((path) => holders.map((holder) => ({ path, ...holder, roleid: 'PVEOperator', propagate: path !== '/' }))),
      },
    })
  }, 60_000)
  afterAll(async () => await world.stop())

  it('lacks nothing', async () => {
    await world.apply('small')
    await world.untilReady('small')
    const cluster = await world.get<ProxmoxCluster>(proxmoxClusters, world.cluster)
    expect(cluster?.status?.missingPrivileges ?? []).toEqual([])
  }, 60_000)

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
  }, 90_000)
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
  }, 60_000)
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
  }, 90_000)

  it('gives it back', async () => {
    for (const name of ['full', 'linked']) await world.delete(name)
    for (const name of ['full', 'linked']) await world.untilGone(name)
    expect([...world.simulator.world.guests.keys()]).toEqual([900])
  }, 60_000)
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
