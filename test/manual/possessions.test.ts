import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { outcomeOf } from './buttons.ts'
import { eventsOf } from './seen.ts'

const firewall = { enabled: true, rules: [{ name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' }] }
const backNet = 'virtio=BC:24:11:AA:00:01,bridge=vmbr1,tag=7'
const sshRule = { action: 'ACCEPT', macro: 'SSH' }

describe('what hangs on a VM and is not ours', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await world.inPve('POST', '/pools', { poolid: 'customers' })
  })
  afterAll(async () => await world.stop())

  const born = (name: string) =>
    world.born(name, { package: { cpu: { cores: 1 }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' }, firewall } })
  /** As an admin and a customer leave it. */
  const furnish = async (vm: ProxmoxVM) => {
    const path = `${world.pathOf(vm)}/firewall`
    await world.inPve('PUT', '/pools', { poolid: 'customers', vms: `${vm.status?.vmid}` })
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { net1: backNet })
    await world.inPve('POST', `${path}/aliases`, { name: 'office', cidr: '198.51.100.0/24', comment: 'third floor' })
    await world.inPve('POST', `${path}/ipset`, { name: 'admins' })
    await world.inPve('POST', `${path}/ipset/admins`, { cidr: '192.0.2.1', comment: 'jump host' })
    const tcp = { type: 'in', action: 'ACCEPT', enable: 1, proto: 'tcp' }
    await world.inPve('POST', `${path}/rules`, { ...tcp, dport: '8443', source: '+admins', comment: 'panel' })
    await world.inPve('POST', `${path}/rules`, { ...tcp, dport: '25', source: 'office' })
  }
  const shown = async (vm: ProxmoxVM) => {
    const path = `${world.pathOf(vm)}/firewall`
    const listing = world.simulator.world.access.poolOf(vm.status?.vmid ?? 0)
    return {
      pool: listing,
      net1: world.guestOf(vm).config.get('net1'),
      rules: await world.inPve('GET', `${path}/rules`),
      aliases: await world.inPve('GET', `${path}/aliases`),
      admins: await world.inPve('GET', `${path}/ipset/admins`),
    }
  }
  const furnished = {
    pool: 'customers',
    net1: backNet,
    rules: [
      expect.objectContaining(sshRule),
      expect.objectContaining({ dport: '25', source: 'office' }),
      expect.objectContaining({ dport: '8443', source: '+admins', comment: 'panel' }),
    ],
    aliases: [expect.objectContaining({ name: 'office', cidr: '198.51.100.0/24', comment: 'third floor' })],
    admins: [expect.objectContaining({ cidr: '192.0.2.1', comment: 'jump host' })],
  }
  /** The operator's listing is newer than now: it shows the pool of a VM. */
  const listed = async () => {
    world.simulator.requests.reset()
    await until('listings have come', () => {
      world.clock.skip(5_000)
      return world.requests().filter((line) => line.includes('/cluster/resources')).length >= 2
    })
  }
  /** From now on PVE refuses a destruction that takes the VM out of backup jobs and replication, too. */
  const refusePurge = () => {
    const route = 'DELETE /nodes/{node}/qemu/{vmid}'
    world.simulator.faults.add(
      [{ id: 'p', route, match: { params: { purge: '1' } }, times: 'always', status: 500, reason: 'purged' } as never],
      [],
    )
  }

  it('is there again after a reinstall: pool, further network cards, rules below ours in their order, aliases and sets; permissions are named', async () => {
    const vm = await born('again')
    const { vmid = 0 } = vm.status ?? {}
    await furnish(vm)
    await world.inPve('PUT', '/access/acl', { path: `/vms/${vmid}`, users: 'root@pam', roles: 'PVEVMUser' })
    refusePurge()
    await listed()
    await world.edit('again', { spec: { reinstall: { requestID: 'r1' } } })
    await until('it is done', async () => (await world.vm('again'))?.status?.reinstall?.completedIDs?.includes('r1'))
    const after = await world.untilReady('again')
    expect(await shown(after)).toEqual(furnished)
    expect(after.status?.possessions).toBeUndefined()
    const lost = await until('it is told', async () => (await eventsOf(world, 'again')).find(({ reason }) => reason === 'PermissionsLost'))
    expect(lost.note).toContain(`pveum acl modify /vms/${vmid} --users 'root@pam' --roles PVEVMUser`)
    world.simulator.faults.remove()
  })

  it('is there again after Remove and Clone', async () => {
    const vm = await born('aside')
    await furnish(vm)
    expect(await outcomeOf(world, 'aside', 'Stop')).toMatch(/^Succeeded/)
    await world.untilReady('aside')
    refusePurge()
    await listed()
    expect(await outcomeOf(world, 'aside', 'Remove')).toMatch(/^Succeeded/)
    world.simulator.faults.remove()
    expect(await outcomeOf(world, 'aside', 'Clone')).toMatch(/^Succeeded/)
    expect(await shown(await world.untilReady('aside'))).toEqual(furnished)
  })

  it('that PVE does not take back any more is told, and does not keep the VM from being ready', async () => {
    const vm = await born('refused')
    await furnish(vm)
    const route = 'POST /nodes/{node}/qemu/{vmid}/firewall/rules'
    const fault = {
      id: 'r',
      route,
      match: { params: { dport: '25' } },
      times: 'always',
      status: 400,
      errors: { source: 'no such alias' },
    }
    world.simulator.faults.add([fault as never], [])
    await world.edit('refused', { spec: { reinstall: { requestID: 'r1' } } })
    await until('it is done', async () => (await world.vm('refused'))?.status?.reinstall?.completedIDs?.includes('r1'))
    const { status } = await world.untilReady('refused')
    const line = status?.history?.find(({ outcome }) => outcome === 'NotPutBack')
    expect(line).toMatchObject({ step: 'put_back_firewall', message: expect.stringContaining('port 25') })
    world.simulator.faults.remove()
  })

  it('and does not fit the node of the new VM is told as well', async () => {
    const vm = await born('no-bridge')
    world.guestOf(vm).config.set('net1', 'virtio=BC:24:11:AA:00:02,bridge=vmbr9')
    await world.edit('no-bridge', { spec: { reinstall: { requestID: 'r1' } } })
    await until('it is done', async () => (await world.vm('no-bridge'))?.status?.reinstall?.completedIDs?.includes('r1'))
    const after = await world.untilReady('no-bridge')
    expect(world.guestOf(after).config.get('net1')).toBeUndefined()
    expect(after.status?.history?.find(({ outcome }) => outcome === 'NotPutBack')).toMatchObject({
      step: 'put_back_network',
      message: expect.stringMatching(/network card net1 of the former VM is missing, and node pve\d has no bridge vmbr9/),
    })
  })

  it('goes with a VM that is terminated, from backup jobs and replication as well', async () => {
    const vm = await born('gone')
    refusePurge()
    await world.delete('gone')
    await until('PVE was asked to purge it', async () => JSON.stringify((await world.vm('gone'))?.status?.step).includes('purged'))
    world.simulator.faults.remove()
    world.clock.skip(31_000)
    await world.untilGone('gone')
    expect(world.simulator.world.guests.has(vm.status?.vmid ?? 0)).toBe(false)
  })
})
