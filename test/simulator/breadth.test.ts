import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { allRoutes } from '../../src/simulator/all-routes.ts'
import { schema } from '../../src/simulator/schema/schema.ts'
import { startDrill, type Drill } from './drill.ts'

type Row = Record<string, unknown>

const scenario = {
  users: [{ userid: 'root@pam' }, { userid: 'ann@pve' }],
  tokens: [
    { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
    { tokenid: 'ann@pve!t', secret: 'sim', privsep: false },
  ],
  acl: [{ path: '/vms', type: 'user', ugid: 'ann@pve', roleid: 'PVEVMAdmin' }],
}

describe('what clients read on their way', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill({ scenario })
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  const get = async (path: string, params: Record<string, string> = {}) => (await pve.api('GET', path, params)).data
  const rows = async (path: string, params: Record<string, string> = {}) => (await get(path, params)) as Row[]

  it.each([
    ['time', { timezone: 'UTC' }],
    ['dns', { search: 'sim.local', dns1: '192.0.2.53' }],
    ['subscription', { status: 'notfound' }],
    ['config', {}],
    ['services/pveproxy/state', { service: 'pveproxy', state: 'running', 'unit-state': 'enabled' }],
  ])('is served for a node: %s', async (path, expected) => {
    const answer = await pve.api('GET', `/nodes/pve2/${path}`)
    expect(answer.status).toBe(200)
    expect(answer.data).toMatchObject(expected)
  })

  it('names the services and those that are stopped', async () => {
    await pve.sim('POST', '/hook', { op: 'stop-service', args: ['pvestatd'] })
    const services = await rows('/nodes/pve1/services')
    expect(services).toHaveLength(23)
    expect(services.find(({ service }) => service === 'pvestatd')).toMatchObject({ state: 'dead', 'active-state': 'inactive' })
  })

  it('keeps time zone, resolver and node config as they are set', async () => {
    await pve.api('PUT', '/nodes/pve1/time', { timezone: 'Europe/Vienna' })
    await pve.api('PUT', '/nodes/pve1/dns', { search: 'example.org', dns1: '192.0.2.1', dns2: '192.0.2.2' })
    await pve.api('PUT', '/nodes/pve1/config', { description: 'rack 4' })
    expect(await get('/nodes/pve1/time')).toMatchObject({ timezone: 'Europe/Vienna' })
    expect(await get('/nodes/pve1/dns')).toEqual({ search: 'example.org', dns1: '192.0.2.1', dns2: '192.0.2.2' })
    expect(await get('/nodes/pve1/config')).toMatchObject({ description: 'rack 4' })
    expect(await get('/nodes/pve2/time')).toMatchObject({ timezone: 'UTC' })
  })

  it('draws figures over time on a grid of minutes', async () => {
    for (const path of ['/nodes/pve1/rrddata', '/nodes/pve1/qemu/9000/rrddata', '/nodes/pve1/storage/local/rrddata']) {
      const series = await rows(path, { timeframe: 'hour' })
      expect(series).toHaveLength(60)
      const times = series.map(({ time }) => Number(time))
      expect(times.every((time, index) => time % 60 === 0 && (index === 0 || time - (times[index - 1] ?? 0) === 60))).toBe(true)
    }
  })

  it('tells what a node could run', async () => {
    expect(await rows('/nodes/pve1/capabilities/qemu/cpu')).toContainEqual({ name: 'host', custom: 0, vendor: 'default' })
    expect((await rows('/nodes/pve1/capabilities/qemu/machines')).map(({ type }) => type)).toContain('q35')
  })

  /** What a token is told that may change the VM, but use no network. */
  const nicOf = async (bridge: string): Promise<[number, string]> => {
    const headers = { Authorization: 'PVEAPIToken=ann@pve!t=sim' }
    const body = new URLSearchParams({ net1: `virtio,bridge=${bridge}` })
    const answer = await fetch(`${pve.simulator.url}/api2/json/nodes/pve1/qemu/200/config`, { method: 'PUT', headers, body })
    return [answer.status, answer.statusText]
  }

  it('makes VNets bridges when SDN is applied, and asks for SDN.Use in their zone', async () => {
    const vm = { vmid: 200, net0: 'virtio,bridge=blue' }
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', vm)).data)
    const start = async () => pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/200/status/start')).data)
    expect(await start()).toBe("bridge 'blue' does not exist")
    expect((await pve.api('POST', '/cluster/sdn/vnets', { vnet: 'blue', zone: 'z1' })).reason).toMatch(/sdn 'z1' does not exist/)
    await pve.api('POST', '/cluster/sdn/zones', { zone: 'z1', type: 'simple' })
    expect((await pve.api('POST', '/cluster/sdn/zones', { zone: 'z1', type: 'simple' })).reason).toBe(
      "create sdn zone object failed: sdn zone object ID 'z1' already defined",
    )
    await pve.api('POST', '/cluster/sdn/vnets', { vnet: 'blue', zone: 'z1' })
    expect(await start()).toBe("bridge 'blue' does not exist")
    expect(await pve.exitOf((await pve.api('PUT', '/cluster/sdn')).data)).toBe('OK')
    expect(await start()).toBe('OK')
    expect(await nicOf('blue')).toEqual([403, 'Permission check failed (/sdn/zones/z1/blue, SDN.Use)'])
    expect(await nicOf('vmbr0')).toEqual([403, 'Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)'])
    expect(await rows('/nodes/pve1/sdn/zones/z1/content')).toEqual([{ vnet: 'blue', status: 'available' }])
  })

  it('keeps mappings, replication jobs and metric servers', async () => {
    await pve.api('POST', '/cluster/mapping/usb', { id: 'stick', map: 'node=pve1,id=0951:1666' })
    expect(await get('/cluster/mapping/usb/stick')).toMatchObject({ id: 'stick', type: 'usb' })
    expect((await pve.api('GET', '/cluster/mapping/usb/none')).reason).toBe("mapping 'none' not found")
    const job = { id: '9000-0', type: 'local', target: 'pve2' }
    expect((await pve.api('POST', '/cluster/replication', { ...job, target: 'pve1' })).reason).toBe(
      'Source and target must not be identical',
    )
    expect((await pve.api('POST', '/cluster/replication', job)).status).toBe(200)
    expect(await get('/cluster/replication/9000-0')).toMatchObject({ guest: 9000, jobnum: 0, target: 'pve2' })
    expect((await pve.api('DELETE', '/nodes/pve1/qemu/9000')).reason).toBe(
      "There is a replication job '9000-0' for guest '9000' - Please remove that first.",
    )
    await pve.api('DELETE', '/cluster/replication/9000-0')
    expect(await rows('/cluster/replication')).toEqual([])
  })

  it('adds storages and takes them away', async () => {
    const nas = { storage: 'nas', type: 'nfs', server: '192.0.2.9', export: '/srv' }
    expect((await pve.api('POST', '/storage', { storage: 'nas', type: 'nfs' })).errors).toMatchObject({
      server: 'property is missing and it is not optional',
    })
    expect(await pve.api('POST', '/storage', nas)).toMatchObject({ status: 200, data: { storage: 'nas', type: 'nfs' } })
    expect((await pve.api('POST', '/storage', nas)).reason).toBe("create storage failed: storage ID 'nas' already defined")
    expect(await get('/nodes/pve3/storage/nas/status')).toMatchObject({ active: 1, shared: 1 })
    expect((await pve.api('DELETE', '/storage/nas')).status).toBe(200)
    expect((await pve.api('GET', '/storage/nas')).reason).toBe("storage 'nas' does not exist")
  })

  it('says of a path that PVE has and the simulator has not that it is known, and of others that there is none', async () => {
    expect(await pve.api('GET', '/nodes/pve1/ceph/status')).toMatchObject({
      status: 501,
      reason: expect.stringMatching(/is known to PVE but not modelled by this simulator$/),
    })
    expect(await pve.api('GET', '/nodes/pve1/nonsense')).toMatchObject({
      status: 501,
      reason: "Method 'GET /nodes/pve1/nonsense' not implemented",
    })
  })

  it('serves only paths that PVE has, each once', () => {
    const names = allRoutes.map(({ method, path }) => `${method} ${path}`)
    expect(names.length - new Set(names).size).toBe(0)
    expect(allRoutes.filter(({ method, path, info }) => !info && schema.get(path)?.[method] === undefined)).toEqual([])
  })
})
