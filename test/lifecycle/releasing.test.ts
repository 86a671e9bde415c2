import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { PoolAddress } from '../../src/api/pooladdress.ts'
import { ipPools, poolAddresses, proxmoxVMCommands, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { addressesIn } from '../chaos/invariants/guests.ts'

/** Longer than clocks may differ. */
const halfMinuteMs = 40_000

describe('an address that a VM no longer asks for', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const firewall = { enabled: true, antiSpoofing: true }
  /** Each with a network of its own: all are of one scope. */
  const nets = new Map<string, string>()
  async function pool(): Promise<string> {
    const net = `10.7.${nets.size}`
    const name = await world.pool(aV4Pool({ ranges: [`${net}.10-${net}.40`], gateway: `${net}.1`, reuseAfter: '0s' }))
    nets.set(name, net)
    return name
  }
  const at = (from: string, last: number) => `${nets.get(from)}.${last}`
  const main = (from: string, address: string) => ({ name: 'main', poolRef: { name: from }, address })
  const second = (from: string, address: string) => ({ name: 'second', poolRef: { name: from }, address })

  /** A running VM with the address 10 of the pool, long after its start. */
  async function born(name: string, from: string, spec: object = {}): Promise<ProxmoxVM> {
    await world.apply(name, {
      addresses: [main(from, at(from, 10))],
      package: { memory: { size: '1Gi' }, network: { bridge: 'vmbr0', firewall: true }, firewall },
      cloudInit: { user: 'admin' },
      shutdownTimeout: '3s',
      restartPolicy: 'Manual',
      ...spec,
    })
    const vm = await world.untilReady(name)
    world.skip(halfMinuteMs)
    return vm
  }

  const edit = async (name: string, spec: object) => {
    await world.edit(name, { spec })
    return await world.untilReady(name)
  }
  const object = async (from: string, address: string) => (await world.addresses(from)).find(({ spec }) => spec.address === address)
  const stateOf = async (from: string, address: string) => (await object(from, address))?.spec.state
  const inside = (vm: ProxmoxVM) => addressesIn(world.guestOf(vm))
  const allowed = async (vm: ProxmoxVM) =>
    ((await world.inPve('GET', `${world.pathOf(vm)}/firewall/ipset/ipfilter-net0`)) as { cidr: string }[])
      .map(({ cidr }) => cidr)
      .toSorted()
  const held = (vm: ProxmoxVM) => (vm.status?.addresses ?? []).map(({ address, state }) => (state ? `${address} ${state}` : address))
  const restartRequired = (vm: ProxmoxVM | undefined) => world.condition(vm, 'RestartRequired')

  /** The operator has looked at it thoroughly once more. */
  const looked = async (name: string) => {
    const mark = `${name}-${Math.random()}`
    await world.client.mergePatch(
      proxmoxVMs,
      { namespace: world.namespace, name },
      { metadata: { annotations: { 'pve.hosting/look': mark } } },
    )
    return await until('it was looked at', async () => {
      const vm = await world.vm(name)
      return vm?.status?.lookedFor === mark ? vm : undefined
    })
  }
  const untilReleased = async (name: string, from: string, address: string) => {
    let last: ProxmoxVM | undefined
    await until(
      `${address} is released`,
      async () => {
        world.skip(11_000)
        last = await world.vm(name)
        // Whoever waits for it may have it at once.
        return (await stateOf(from, address)) !== 'Releasing'
      },
      { everyMs: 500, describe: () => last?.status },
    )
    return await world.untilReady(name)
  }
  const asks = async (method: 'POST', vm: ProxmoxVM, path: string, params: Record<string, string | number> = {}) => {
    const upid = String(await world.inPve(method, `${world.pathOf(vm)}/${path}`, params))
    expect(world.simulator.world.tasks.get(upid)?.exitstatus).toMatch(/^(OK|WARNINGS.*)$/)
  }

  it('stays held and allowed while the guest has it, last in its status, and goes to nobody', async () => {
    const from = await pool()
    await born('kept', from)
    const vm = await edit('kept', { addresses: [main(from, at(from, 15))] })

    expect(inside(vm)).toEqual([at(from, 10)])
    expect(held(vm)).toEqual([at(from, 15), `${at(from, 10)} Releasing`])
    expect(await stateOf(from, at(from, 10))).toBe('Releasing')
    expect(await allowed(vm)).toEqual([at(from, 10), at(from, 15)])
    expect(restartRequired(vm)).toMatchObject({ status: 'True', message: expect.stringContaining('addresses') as unknown })
    expect(world.condition(vm, 'AddressesAllocated')?.message).toContain(at(from, 10))
    await until('the pool counts it', async () => {
      const status = (await world.get<never>(ipPools, from)) as unknown as { status?: object }
      return (status.status as { releasing?: string } | undefined)?.releasing === '1'
    })

    await world.apply('other', { addresses: [main(from, at(from, 10))] })
    await world.untilCondition('other', 'AddressesAllocated', 'False', 'AddressTaken')

    await asks('POST', vm, 'status/stop')
    await untilReleased('kept', from, at(from, 10))
    const now = (await world.vm('kept')) as ProxmoxVM
    expect(held(now)).toEqual([at(from, 15)])
    expect(await allowed(now)).toEqual([at(from, 15)])
    expect(restartRequired(now)?.status).toBe('False')
    await world.untilReady('other')
  })

  it('is released when the operator has restarted the VM for it, which is planned and shown first', async () => {
    const from = await pool()
    await born('restarted', from, { restartPolicy: 'WhenNeeded' })
    const vm = await edit('restarted', { addresses: [main(from, at(from, 15))] })

    expect(inside(vm)).toEqual([at(from, 15)])
    expect(held(vm)).toEqual([at(from, 15)])
    expect(await allowed(vm)).toEqual([at(from, 15)])
    expect(await stateOf(from, at(from, 10))).toBe('Released')
    expect(vm.status).not.toHaveProperty('guestSeen')
  })

  it('is released after ChangePackage, which restarts a VM that waits by its policy', async () => {
    const from = await pool()
    await born('commanded', from)
    await edit('commanded', { addresses: [main(from, at(from, 15))] })
    await world.client.create(proxmoxVMCommands, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVMCommand',
      metadata: { name: 'commanded-change', namespace: world.namespace },
      spec: { vmRef: { name: 'commanded' }, command: 'ChangePackage' },
    } as never)
    const vm = await untilReleased('commanded', from, at(from, 10))

    expect(inside(vm)).toEqual([at(from, 15)])
  })

  it('is taken back when the spec asks for it again, and what stood there only meanwhile is released at once', async () => {
    const from = await pool()
    await born('back', from)
    await edit('back', { addresses: [main(from, at(from, 15))] })
    const vm = await edit('back', { addresses: [main(from, at(from, 10))] })

    expect(held(vm)).toEqual([at(from, 10)])
    expect([await stateOf(from, at(from, 10)), await stateOf(from, at(from, 15))]).toEqual(['Allocated', 'Released'])
    expect(await allowed(vm)).toEqual([at(from, 10)])
    expect(vm.status).not.toHaveProperty('guestSeen')
    expect(restartRequired(vm)?.status).toBe('False')
  })

  it('stays after an online migration, which begins a new process with the old drive, and leaves when the VM was off', async () => {
    const from = await pool()
    await born('moved', from)
    const vm = await edit('moved', { addresses: [main(from, at(from, 15))] })
    world.skip(halfMinuteMs)
    const target = vm.status?.node === 'pve1' ? 'pve2' : 'pve1'
    await asks('POST', vm, 'migrate', { target, online: 1, 'with-local-disks': 1 })
    world.skip(halfMinuteMs)
    const moved = await until('the VM is seen on its new node', async () => {
      const now = await looked('moved')
      return now.status?.node === target ? now : undefined
    })

    expect(inside(moved)).toEqual([at(from, 10)])
    expect(await stateOf(from, at(from, 10))).toBe('Releasing')

    world.skip(halfMinuteMs)
    await asks('POST', moved, 'status/stop')
    await asks('POST', moved, 'status/start')
    world.skip(halfMinuteMs)
    await untilReleased('moved', from, at(from, 10))
  })

  it('stays after hibernation, and after a rollback with memory', async () => {
    const from = await pool()
    const vm = await born('asleep', from)
    await asks('POST', vm, 'snapshot', { snapname: 'before', vmstate: 1 })
    await edit('asleep', { addresses: [main(from, at(from, 15))] })
    world.skip(halfMinuteMs)
    await asks('POST', vm, 'status/suspend', { todisk: 1 })
    await looked('asleep')
    expect(await stateOf(from, at(from, 10))).toBe('Releasing')

    await asks('POST', vm, 'status/start')
    world.skip(halfMinuteMs)
    await looked('asleep')
    expect(inside(vm)).toEqual([at(from, 10)])
    expect(await stateOf(from, at(from, 10))).toBe('Releasing')

    await asks('POST', vm, 'snapshot/before/rollback')
    world.skip(halfMinuteMs)
    const back = await looked('asleep')
    expect(inside(back)).toEqual([at(from, 10)])
    expect(await stateOf(from, at(from, 10))).toBe('Releasing')
  })

  it('leaves when somebody restarted the VM faster than the listing tells, and the operator was away', async () => {
    const from = await pool()
    await born('quick', from)
    const vm = await edit('quick', { addresses: [main(from, at(from, 15))] })
    world.skip(halfMinuteMs)
    await world.killOperator()
    await asks('POST', vm, 'status/stop')
    await asks('POST', vm, 'status/start')
    await world.startOperator()
    world.skip(halfMinuteMs)

    await untilReleased('quick', from, at(from, 10))
  })

  it('stays when the status is lost', async () => {
    const from = await pool()
    await born('lost', from)
    const vm = await edit('lost', { addresses: [main(from, at(from, 15))] })
    await world.killOperator()
    await world.client.replaceStatus(proxmoxVMs, { ...((await world.vm('lost')) as ProxmoxVM), status: {} } as never)
    await world.startOperator()
    const taken = await world.untilReady('lost')
    await looked('lost')

    expect(taken.status?.vmid).toBe(vm.status?.vmid)
    expect(inside(taken)).toEqual([at(from, 10)])
    expect(await stateOf(from, at(from, 10))).toBe('Releasing')
  })

  it('is taken again when its PoolAddress is lost, and still leaves only after a start from off', async () => {
    const from = await pool()
    await born('bare', from)
    const vm = await edit('bare', { addresses: [main(from, at(from, 15))] })
    const { metadata } = (await object(from, at(from, 10))) as PoolAddress
    await world.client.mergePatch(poolAddresses, { name: metadata.name }, { metadata: { finalizers: null } })
    await world.client.delete(poolAddresses, { name: metadata.name })
    await looked('bare')

    expect(await stateOf(from, at(from, 10))).toBe('Releasing')
    expect(held((await world.vm('bare')) as ProxmoxVM)).toEqual([at(from, 15), `${at(from, 10)} Releasing`])
    await asks('POST', vm, 'status/stop')
    await untilReleased('bare', from, at(from, 10))
  })

  it('goes at once where the VM is off, and where cloud-init never configured it', async () => {
    const from = await pool()
    const off = await born('halted', from, { addresses: [main(from, at(from, 10)), second(from, at(from, 30))] })
    const one = await edit('halted', { addresses: [main(from, at(from, 10))] })
    expect(held(one)).toEqual([at(from, 10)])
    expect(await allowed(one)).toEqual([at(from, 10)])
    expect(await stateOf(from, at(from, 30))).toBe('Released')

    await asks('POST', off, 'status/stop')
    await world.untilCondition('halted', 'Ready', 'True', 'Stopped')
    const vm = await edit('halted', { addresses: [main(from, at(from, 15))] })
    expect(held(vm)).toEqual([at(from, 15)])
    expect(await stateOf(from, at(from, 10))).toBe('Released')
  })

  it('is held for the VM as well where PVE shows one that its object does not know, until a start from off', async () => {
    const from = await pool()
    const born10 = await born('other-hand', from)
    await world.inPve('PUT', `${world.pathOf(born10)}/config`, { ipconfig0: `ip=${at(from, 15)}/24,gw=${at(from, 1)}` })
    const vm = await looked('other-hand')
    expect(await stateOf(from, at(from, 15))).toBe('Releasing')
    expect((await object(from, at(from, 15)))?.spec.claimRef?.uid).toBe(vm.metadata.uid)
    expect(await allowed(vm)).toEqual([at(from, 10), at(from, 15)])
    await asks('POST', vm, 'status/stop')
    await untilReleased('other-hand', from, at(from, 15))
    expect(await allowed(vm)).toEqual([at(from, 10)])
  })

  it('goes with the VM', async () => {
    const from = await pool()
    await born('gone', from)
    await edit('gone', { addresses: [main(from, at(from, 15))] })
    await world.delete('gone')
    await world.untilGone('gone')

    expect([await stateOf(from, at(from, 10)), await stateOf(from, at(from, 15))]).toEqual(['Released', 'Released'])
  })
})
