import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { VMStatusDraft } from '../../src/engine/status-draft.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { Store } from '../../src/kube/store.ts'
import { freshName, freshNamespace, testClient } from '../support/kube.ts'

describe('the status of a VM that changed during a pass', () => {
  let client: KubeClient
  let namespace: string
  beforeAll(async () => {
    client = testClient()
    namespace = await freshNamespace(client)
  })
  afterAll(async () => await client.close())

  const aVM = async () =>
    await client.create(proxmoxVMs, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVM',
      metadata: { name: freshName('vm'), namespace },
      spec: { clusterRef: { name: 'fra' }, template: { name: 'debian-13' }, package: { memory: { size: '1Gi' } } },
    } as unknown as ProxmoxVM)
  const recordOf = (vm: ProxmoxVM) => new VMStatusDraft({ vm, client, store: new Store<ProxmoxVM>() })
  const stored = async ({ metadata: { name } }: ProxmoxVM) => await client.get(proxmoxVMs, { namespace, name })

  it('is written onto an object that a person edited', async () => {
    const vm = await aVM()
    const record = recordOf(vm)
    await client.mergePatch(proxmoxVMs, { namespace, name: vm.metadata.name }, { metadata: { labels: { a: 'b' } } })
    record.change((status) => ({ ...status, vmid: 10_001 }))
    await record.save()

    expect((await stored(vm))?.status?.vmid).toBe(10_001)
  })

  it('is not written over the intent of another operator', async () => {
    const vm = await aVM()
    const [late, leader] = [recordOf(vm), recordOf(vm)]
    leader.change((status) => ({ ...status, vmid: 10_002 }))
    await leader.save()
    late.change((status) => ({ ...status, vmid: 10_003 }))

    await expect(late.save()).rejects.toThrow('another operator')
    expect((await stored(vm))?.status?.vmid).toBe(10_002)
  })

  it('keeps what the track of DNS wrote meanwhile', async () => {
    const vm = await aVM()
    const record = recordOf(vm)
    const dns = { records: [] }
    await client.mergePatch(proxmoxVMs, { namespace, name: vm.metadata.name }, { status: { dns } }, { subresource: 'status' })
    record.change((status) => ({ ...status, vmid: 10_004 }))
    await record.save()

    expect((await stored(vm))?.status).toMatchObject({ vmid: 10_004, dns })
  })
})
