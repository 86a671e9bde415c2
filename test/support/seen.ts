/** An edit or a deletion reaches the operator by its watch: some time later on a slow machine. */
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from './until.ts'
import type { TestWorld } from './world.ts'

/** Waits until the operator knows the VM as this edit left it: what it does from now on, it does by that. */
export async function untilSeen(world: TestWorld, { metadata: { name, generation = 0 } }: ProxmoxVM): Promise<void> {
  const known = () => world.operator?.operator.stores.vms.get(`${world.namespace}/${name}`)?.metadata
  await until(`the operator knows the edit of ${name}`, () => (known()?.generation ?? 0) >= generation, { describe: known })
}

/** The same for a deletion of an object that its finalizer holds. */
export async function untilDeletionSeen(world: TestWorld, name: string): Promise<void> {
  const known = () => world.operator?.operator.stores.vms.get(`${world.namespace}/${name}`)?.metadata
  await until(`the operator knows that ${name} is deleted`, () => known()?.deletionTimestamp !== undefined, { describe: known })
}
