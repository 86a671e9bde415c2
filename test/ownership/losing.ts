/** What a restore, a slip or an older etcd does to the objects of a world. */
import { type KubeObject, poolAddresses, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { TestWorld } from '../support/world.ts'
import { until } from '../support/until.ts'

/** The status as a restore without status leaves it. */
export async function strip(world: TestWorld, name: string): Promise<void> {
  await world.client.mergePatch(proxmoxVMs, { namespace: world.namespace, name }, { status: null }, { subresource: 'status' })
}

/** The status of an older time. */
export async function setBack(world: TestWorld, name: string, status: ProxmoxVM['status']): Promise<void> {
  const vm = await world.vm(name)
  if (vm) await world.client.replaceStatus(proxmoxVMs, { ...vm, ...(status && { status }) })
}

/** The object is gone without a teardown, as if etcd were of before its creation; its claims stay. */
export async function forget(world: TestWorld, name: string): Promise<void> {
  const key = { namespace: world.namespace, name }
  await world.client.mergePatch(proxmoxVMs, key, { metadata: { finalizers: null } })
  await world.client.delete(proxmoxVMs, key)
  await until(`${name} is gone`, async () => (await world.vm(name)) === undefined)
}

/** The claim is gone as well. */
export async function forgetAddress(world: TestWorld, object: KubeObject): Promise<void> {
  await world.client.mergePatch(poolAddresses, { name: object.metadata.name }, { metadata: { finalizers: null } })
  await world.client.delete(poolAddresses, { name: object.metadata.name })
}
