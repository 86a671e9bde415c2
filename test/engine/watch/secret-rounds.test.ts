import { describe, expect, it } from '@jest/globals'
import { pausedAnnotation } from '../../../src/api/group.ts'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { SecretRounds } from '../../../src/engine/watch/secret-rounds.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { Store } from '../../../src/kube/store.ts'
import { TestClock } from '../../support/test-clock.ts'
import { until } from '../../support/until.ts'
import { aVm } from '../vms.ts'

/** It is at rest all the same. */
const notReady = { status: 'False', reason: 'GuestPaused' } as const

const withPassword = (name: string, o: { given?: string; isReady?: boolean; annotations?: Record<string, string> } = {}): ProxmoxVM =>
  aVm({
    metadata: { name, uid: name, ...(o.annotations && { annotations: o.annotations }) },
    spec: { cloudInit: { user: 'debian', passwordSecretRef: { name: `secret-of-${name}`, key: 'password' } } as never },
    status: {
      observedGeneration: 1,
      cloudInit: { passwordVersion: o.given ?? 'uid/1' } as never,
      conditions: [
        { type: 'Ready', ...(o.isReady === false ? notReady : { status: 'True', reason: 'Running' }), message: '', lastTransitionTime: '' },
      ],
    },
  })

/** The Secrets that the first round reads before that of one more VM, and whom it has looked at. Each Secret is there in the version `uid/1`. */
async function round(...vms: readonly ProxmoxVM[]): Promise<{ read: string[]; looked: string[] }> {
  const store = new Store<ProxmoxVM>()
  const clock = new TestClock()
  const [read, looked]: [string[], string[]] = [[], []]
  const ended = new AbortController()
  for (const vm of [...vms, withPassword('last')]) store.upsert(vm)
  const get = (_: unknown, { name }: { name: string }) => {
    read.push(name)
    return Promise.resolve({ metadata: { name, uid: 'uid', resourceVersion: '1' } })
  }
  const client = { get } as unknown as KubeClient
  const onFault = (fault: unknown) => read.push(String(fault))
  const running = new SecretRounds({ vms: store, client, clock, onFault, look: (key) => looked.push(key) }).run(ended.signal)
  await until('the last one is read', () => read.includes('secret-of-last') || (clock.skip(300), false), { everyMs: 5 })
  ended.abort()
  await running
  return { read: read.slice(0, -1), looked }
}

describe('the Secrets of passwords', () => {
  it('are read in turn, and a VM that was given another one is looked at', async () => {
    const { read, looked } = await round(withPassword('same'), withPassword('older', { given: 'uid/0' }))
    expect(read).toEqual(['secret-of-same', 'secret-of-older'])
    expect(looked).toEqual(['customer-7/older'])
  })

  it('are not read for a VM to which nothing is done now: one that is paused or not Ready', async () => {
    const paused = withPassword('paused', { given: 'uid/0', annotations: { [pausedAnnotation]: 'true' } })
    expect(await round(paused, withPassword('halted', { given: 'uid/0', isReady: false }))).toEqual({ read: [], looked: [] })
  })
})
