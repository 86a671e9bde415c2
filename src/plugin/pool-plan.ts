/** What an edit of an IPPool means for the VMs that have its addresses (pure). */
import type { IPPool } from '../api/ippool.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { planChange } from '../engine/apply/change.ts'
import { parseAddress } from '../ipam/address.ts'
import { usableAddressesOf } from '../ipam/usable.ts'
import { isOutcome } from '../ladder/outcome.ts'
import { provision } from '../lifecycle.ts'
import { addressChange, machineInForce, type Pools, wantOfSpec } from './machine-in-force.ts'

/** One VM of `kubectl pve plan --pool P -o json`. */
export interface PooledVM {
  namespace: string
  name: string
  power: string
  addresses: string[]
  /** Written into the running VM as soon as the operator looks. */
  live: string[]
  /** Written into PVE, and in force in the guest after its next start from off. Nothing of it restarts the VM. */
  nextStart: string[]
  /** What stands in the way, or stays as it is. */
  remarks: string[]
}

export interface PoolPlan {
  pool: string
  /** Why the pool would give no addresses. */
  problem?: string
  vms: PooledVM[]
}

/** @param before the pools as they are; @param edited the pool as it is to be */
export async function planOfPool(edited: IPPool, before: Pools, vms: readonly ProxmoxVM[]): Promise<PoolPlan> {
  const { name } = edited.metadata
  const after: Pools = new Map([...before, [name, edited]])
  const concerned = vms.filter(({ status }) => status?.addresses?.some(({ pool }) => pool === name))
  const usable = usableAddressesOf(edited.spec)
  const gives = (text: string) => {
    const address = parseAddress(text)
    return typeof usable !== 'string' && address !== undefined && address.family === usable.family && usable.usable.has(address.value)
  }
  return {
    pool: name,
    ...(typeof usable === 'string' && { problem: usable }),
    vms: await Promise.all(concerned.map((vm) => planOfVM(vm, name, before, after, typeof usable === 'string' ? () => true : gives))),
  }
}

async function planOfVM(vm: ProxmoxVM, pool: string, before: Pools, after: Pools, gives: (address: string) => boolean): Promise<PooledVM> {
  const held = (vm.status?.addresses ?? []).filter((address) => address.pool === pool).map(({ address }) => address)
  const seen = machineInForce(vm, before)
  const want = wantOfSpec(vm, vm.status?.package ?? {}, addressChange(vm, after).kept, seen)
  const plan: PooledVM = {
    namespace: vm.metadata.namespace ?? '',
    name: vm.metadata.name,
    power: vm.status?.remoteStatus ?? 'unknown',
    addresses: held,
    live: [],
    nextStart: [],
    remarks: held.filter((address) => !gives(address)).map((address) => `keeps ${address}, which the pool no longer has`),
  }
  if (isOutcome(want)) return { ...plan, remarks: [...plan.remarks, want.message] }
  for (const step of provision) {
    const { sentences } = await planChange([step], { seen, need: () => Promise.resolve() }, want)
    const into = step.name === 'set_cloudinit' && seen.power === 'running' ? plan.nextStart : plan.live
    into.push(...sentences)
  }
  return plan
}
