import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'
import { HaDrill, scenario } from './ha-drill.ts'

describe('the HA configuration', () => {
  let pve: Drill
  let ha: HaDrill

  beforeAll(async () => {
    pve = await startDrill({ speed: 200, scenario })
    ha = new HaDrill(pve)
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  it('is empty in the default preset, and no node has a state there', async () => {
    const plain = await startDrill()
    expect((await plain.api('GET', '/cluster/ha/resources')).data).toEqual([])
    const rows = (await plain.api('GET', '/cluster/resources')).data as Record<string, unknown>[]
    expect(rows.filter((row) => row['hastate'] !== undefined)).toEqual([])
    await plain.stop()
  })

  it('may be read with Sys.Audit and written with Sys.Console', async () => {
    const headers = { Authorization: 'PVEAPIToken=auditor@pve!t=sim' }
    const url = `${pve.simulator.url}/api2/json/cluster/ha/resources`
    expect((await fetch(url, { headers })).status).toBe(200)
    const refused = await fetch(url, { method: 'POST', headers, body: new URLSearchParams({ sid: 'vm:203' }) })
    expect([refused.status, refused.statusText]).toEqual([403, 'Permission check failed (/, Sys.Console)'])
  })

  it('takes a guest in by VMID or sid, once, and lets it go', async () => {
    const add = (sid: string) => pve.api('POST', '/cluster/ha/resources', { sid, state: 'stopped', max_restart: 2 })
    expect((await add('203')).status).toBe(200)
    expect((await add('vm:203')).reason).toBe("create resource failed: resource ID 'vm:203' already defined")
    expect((await add('777')).reason).toBe('unable to detect SID from VMID - VM/CT 777 does not exist')
    expect((await add('vm:777')).reason).toBe("resource 'vm:777' does not exist in cluster")
    expect((await pve.api('GET', '/cluster/ha/resources/203')).data).toMatchObject({ sid: 'vm:203', state: 'stopped', max_restart: 2 })
    expect((await pve.api('DELETE', '/cluster/ha/resources/vm:203')).status).toBe(200)
    expect((await pve.api('DELETE', '/cluster/ha/resources/vm:203')).reason).toBe("cannot delete service 'vm:203', not HA managed!")
  })

  it('shows in /cluster/resources: the state asked for, then the state it has, and those of the nodes', async () => {
    const row = async (id: string) =>
      ((await pve.api('GET', '/cluster/resources')).data as Record<string, unknown>[]).find((one) => one['id'] === id)
    expect((await row('qemu/201'))?.['hastate']).toBe('stopped')
    expect(await row('qemu/203')).not.toHaveProperty('hastate')
    await ha.becomes(200, 'running', 'started')
    expect((await row('qemu/200'))?.['hastate']).toBe('started')
    expect((await row('node/pve2'))?.['hastate']).toBe('online')
  })

  it('tells quorum, master, nodes and services', async () => {
    await ha.becomes(200, 'running', 'started')
    const rows = (await pve.api('GET', '/cluster/ha/status/current')).data as { id: string; status: string }[]
    expect(rows.map(({ id }) => id)).toEqual([
      'quorum',
      'master',
      'fencing',
      'lrm:pve1',
      'lrm:pve2',
      'lrm:pve3',
      'service:vm:200',
      'service:vm:201',
      'service:vm:202',
    ])
    expect(rows[1]?.status).toMatch(/^pve1 \(active, \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\)$/)
    const { data } = await pve.api('GET', '/cluster/ha/status/manager_status')
    expect(data).toMatchObject({
      manager_status: { master_node: 'pve1', service_status: { 'vm:200': { state: 'started', node: 'pve1' } } },
    })
  })

  it('has rules instead of groups', async () => {
    expect((await pve.api('GET', '/cluster/ha/groups')).reason).toBe('cannot index groups: ha groups have been migrated to rules')
    const rule = { rule: 'apart', type: 'resource-affinity', affinity: 'negative' }
    expect((await pve.api('POST', '/cluster/ha/rules', { ...rule, resources: 'vm:200,vm:203' })).reason).toBe(
      'cannot use unmanaged resource(s) vm:203.',
    )
    expect((await pve.api('POST', '/cluster/ha/rules', { ...rule, resources: 'vm:200,vm:201' })).status).toBe(200)
    expect((await pve.api('GET', '/cluster/ha/rules')).data).toMatchObject([{ rule: 'apart', resources: 'vm:200,vm:201', order: 1 }])
    await pve.api('DELETE', '/cluster/ha/resources/vm:201')
    expect((await pve.api('GET', '/cluster/ha/rules/apart')).data).toMatchObject({ resources: 'vm:200' })
  })

  it('adds a VM that is made with ha-managed', async () => {
    const { data } = await pve.api('POST', '/nodes/pve1/qemu', { vmid: 300, name: 'new', 'ha-managed': 1 })
    expect(await pve.exitOf(data)).toBe('OK')
    expect((await pve.api('GET', '/cluster/ha/resources/vm:300')).data).toMatchObject({ state: 'stopped' })
  })
})

describe('HA without a running manager', () => {
  it('ends its tasks OK, and nothing follows', async () => {
    const secret = '00000000-0000-4000-8000-000000000001'
    const pve = await startDrill({ preset: 'recorded', speed: 200 }, `root@pam!op=${secret}`)
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', { vmid: 100, kvm: 0 })).data)
    await pve.api('POST', '/cluster/ha/resources', { sid: 'vm:100', state: 'stopped' })
    expect(await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/100/status/start')).data)).toBe('OK')
    const before = pve.simulator.world.lastTickMs
    await pve.until(
      async () => pve.simulator.world.lastTickMs,
      (tick) => tick > before,
    )
    expect((await pve.api('GET', '/nodes/pve1/qemu/100/status/current')).data).toMatchObject({
      status: 'stopped',
      ha: { managed: 1, state: null },
    })
    await pve.stop()
  })
})
