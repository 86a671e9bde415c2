/** What a rollback to a snapshot would do, told before anybody asks for it (pure): from what the snapshot's object has noted of the VM. */
import { addressesInForce } from '../api/held-addresses.ts'
import { conditionOf } from '../api/condition.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'
import { holdersOf, isSuspended } from '../want/suspension.ts'
import type { PlanLine } from './plan.ts'

type Contents = NonNullable<NonNullable<ProxmoxVMSnapshot['status']>['contents']>

/** The operator looks at PVE itself before it begins, and refuses what has changed since. */
export function rollbackLines(vm: ProxmoxVM, snapshot: ProxmoxVMSnapshot): PlanLine[] {
  const { name } = snapshot.metadata
  const isRunning = vm.status?.remoteStatus === 'running'
  const line = (what: string, because: string, stops = false): PlanLine => ({ what, because, when: 'Rollback', stops })
  const refused = (because: string): PlanLine[] => [{ what: `roll back to ${name}`, because, when: 'refused', stops: false }]
  const { createdAt, withMemory = false, contents, conditions, vmUID } = snapshot.status ?? {}
  if (vmUID !== undefined && vmUID !== vm.metadata.uid) return refused('the snapshot belongs to a former VM of this name')
  const ready = conditionOf(conditions, 'Ready')
  if (ready?.status !== 'True') return refused(ready?.message ?? 'PVE has not taken the snapshot yet')
  const network = contents ? networkSince(vm, contents) : []
  if (withMemory && isSuspended(vm)) return refused(`the memory is in the snapshot, and the VM is suspended by ${holdersOf(vm)}`)
  if (withMemory && vm.spec.runStrategy === 'Halted') return refused('the memory is in the snapshot, and runStrategy is Halted')
  if (withMemory && network.length > 0)
    return refused(`the memory is in the snapshot, with the old network: ${network.join('; ')}; use a snapshot without memory`)
  const from = `snapshot ${name} of ${createdAt}`
  const end = withMemory
    ? 'the guest continues from the memory in the snapshot'
    : isRunning
      ? 'the operator starts the VM again'
      : 'the VM stays off'
  const nothingNoted = 'the snapshot was taken by an operator that did not note the disks and addresses of the VM'
  return [
    line(`everything written since ${createdAt} is lost; ${end}`, from, isRunning),
    ...(contents ? disksSince(vm, contents).map((what) => line(what, from)) : [line('disks and addresses: not known here', nothingNoted)]),
    ...network.map((what) => line(`${what}; today's is written before the start`, from)),
  ]
}

/** PVE knows only the disks of then. */
function disksSince({ status }: ProxmoxVM, then: Contents): string[] {
  const now = (status?.disks ?? []).filter(({ name }) => name !== 'system')
  const isIn = (disks: readonly { name: string; volume?: string }[], disk: { name: string; volume?: string }) =>
    disks.some(({ name, volume }) => name === disk.name && volume === disk.volume)
  const newer = now.filter((disk) => !isIn(then.disks, disk))
  const older = then.disks.filter((disk) => disk.name !== 'system' && !isIn(now, disk))
  return [
    ...newer.map(({ name, key }) => `disk ${name} (${key}) is newer: PVE detaches it as an unused disk, the operator attaches it again`),
    ...older.map(({ name, key }) => `disk ${name} (${key}), which the VM no longer has, comes back and is kept`),
  ]
}

/** `addresses 192.0.2.10 → 192.0.2.11`: of then, and of now. */
function networkSince({ status }: ProxmoxVM, then: Contents): string[] {
  const now = { addresses: addressesInForce(status), macAddress: status?.interfaces?.[0]?.macAddress }
  const shown = (list: readonly string[]) => (list.length === 0 ? 'none' : list.join(', '))
  const [before, after] = [shown(then.addresses.toSorted()), shown(now.addresses.toSorted())]
  return [
    ...(before === after ? [] : [`addresses: then ${before}, now ${after}`]),
    ...(then.macAddress === now.macAddress ? [] : [`MAC address: then ${then.macAddress ?? 'none'}, now ${now.macAddress ?? 'none'}`]),
  ]
}
