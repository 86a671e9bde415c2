import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

describe('the admin side', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  it('counts requests by route and keeps a line of each', async () => {
    await pve.api('GET', '/version')
    await pve.api('GET', '/nodes/pve1/qemu/9000/config')
    await pve.api('GET', '/nodes/pve2/qemu/9001/config')
    const { body } = await pve.sim('GET', '/requests')
    expect(body).toMatchObject({ total: 3, byRoute: { 'GET /version': 1, 'GET /nodes/{node}/qemu/{vmid}/config': 2 } })
    expect(body['log']).toMatchObject([
      { path: '/version' },
      { path: '/nodes/pve1/qemu/9000/config', status: 200, token: 'root@pam!sim' },
      {},
    ])
    await pve.sim('DELETE', '/requests')
    expect((await pve.sim('GET', '/requests')).body).toEqual({ total: 0, byRoute: {}, log: [] })
  })

  it('shows the VMs as they are, without a delay', async () => {
    const { body } = await pve.sim('GET', '/vms')
    expect(body['vms']).toMatchObject([
      {
        vmid: 9000,
        node: 'pve1',
        name: 'debian-13',
        status: 'stopped',
        lock: null,
        template: true,
        config: { scsihw: 'virtio-scsi-single' },
      },
      { vmid: 9001, node: 'pve2' },
      { vmid: 9002, node: 'pve3' },
      { vmid: 9010, name: 'ubuntu-24.04' },
    ])
  })

  it('locks and unlocks a VM', async () => {
    await pve.sim('POST', '/hook', { op: 'lock', args: [9000, 'backup'] })
    expect(await pve.api('PUT', '/nodes/pve1/qemu/9000/config', { onboot: 1 })).toMatchObject({
      status: 500,
      reason: 'VM is locked (backup)',
    })
    await pve.sim('POST', '/hook', { op: 'unlock', args: [9000] })
    expect((await pve.api('PUT', '/nodes/pve1/qemu/9000/config', { onboot: 1 })).status).toBe(200)
  })

  it('puts a backup file in place', async () => {
    await pve.sim('POST', '/hook', { op: 'backup-file', args: ['vzdump-qemu-9000-2026_01_31-02_00_00.vma.zst'] })
    const { data } = await pve.api('GET', '/nodes/pve1/storage/local/content', { content: 'backup' })
    expect(data).toMatchObject([{ volid: 'local:backup/vzdump-qemu-9000-2026_01_31-02_00_00.vma.zst', vmid: 9000 }])
  })

  it('goes back to the start', async () => {
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200 })).data)
    expect(await pve.vmids()).toContain(200)
    await pve.sim('POST', '/reset')
    expect(await pve.vmids()).toEqual([9000, 9001, 9002, 9010])
  })

  it.each([
    ['POST', '/hook', { op: 'explode' }, 400, /op must be one of: lock, unlock/],
    ['POST', '/hook', { op: 'lock', args: [4711, 'backup'] }, 400, /there is no VM '4711'/],
    ['GET', '/nothing', undefined, 404, /there are: GET \/sim\/requests/],
  ])('says what is wrong with %s /sim%s %j', async (method, path, sent, status, text) => {
    const answer = await pve.sim(method, path, sent)
    expect(answer.status).toBe(status)
    expect(answer.body['error']).toMatch(text)
  })
})
