import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { ensureCloned } from '../../../src/engine/create/clone.ts'
import type { Memory } from '../../../src/engine/memory.ts'
import { PveError } from '../../../src/proxmox/pve-error.ts'
import { memory, quietDependencies, draftOf } from '../dependencies.ts'
import { aVm } from '../vms.ts'
import type { Climb } from '../../../src/engine/climb-pass.ts'

const now = '2026-01-01T00:10:00Z'
const nowMs = Date.parse(now)

const refusal = (message: string, status = 500) =>
  new PveError({ message, status, sent: true, route: '/nodes/*/qemu/*/clone', method: 'POST' })

/** A VM whose intent is ten minutes old, absent from PVE, and what PVE answers to a request for its clone. */
function absentVM(remembered: Partial<Memory>, answer: () => string) {
  const asked: number[] = []
  const vm: ProxmoxVM = aVm({
    status: {
      vmid: 10_001,
      node: 'pve1',
      template: { vmid: 9000, node: 'pve1' },
      intentAt: '2026-01-01T00:00:00Z',
      step: { name: 'clone', since: '2026-01-01T00:00:00Z' },
    },
  })
  const cluster = {
    name: 'fra',
    deleting: false,
    clockSkewMs: 0,
    tasks: { ended: () => undefined },
    cloneSlots: { take: () => ({ granted: true }), release: () => undefined, hold: () => undefined },
    templates: { config: () => Promise.resolve({ is: 'template' }) },
    pve: {
      tasks: () => Promise.resolve([]),
      clone: (_: unknown, { newid }: { newid: number }) => {
        asked.push(newid)
        return new Promise((resolve) => resolve(answer()))
      },
    },
  }
  const it = {
    deps: Object.assign(quietDependencies({ now }), { mayAct: () => undefined }),
    key: 'shop/one',
    draft: draftOf(vm),
    cluster,
    memory: memory(remembered),
    look: { need: () => Promise.resolve(), seen: { guest: 'absent' } },
    identity: { vmid: 10_001, name: 'one', description: '' },
  } as unknown as Climb
  return { it, asked }
}

const taken = () => {
  throw refusal('unable to create VM 10001: config file already exists')
}

describe('a clone that is refused because its number is taken', () => {
  it('gets another number when no request of ours can have taken it', async () => {
    const { it: climb } = absentVM({ clone: { isUnasked: true } }, taken)

    expect(await ensureCloned(climb)).toMatchObject({ is: 'wait', reason: 'Provisioning' })
    expect(climb.draft.status.vmid).toBeUndefined()
  })

  it('keeps it when an earlier request of ours may have: the next look tells whose the VM is', async () => {
    const { it: climb } = absentVM({}, taken)

    expect(await ensureCloned(climb)).toMatchObject({ is: 'retry' })
    expect([climb.draft.status.vmid, climb.memory.clone.isUnasked]).toEqual([10_001, false])
  })
})

describe('a clone whose answer is lost', () => {
  it('is given a minute from the request, however old the intent', async () => {
    const { it: climb, asked } = absentVM({ clone: { isUnasked: true } }, () => {
      throw refusal('', 596)
    })
    await expect(ensureCloned(climb)).rejects.toThrow(PveError)

    expect([climb.memory.clone.isUnasked, climb.memory.clone.askedMs]).toEqual([false, nowMs])
    expect(await ensureCloned(climb)).toMatchObject({ is: 'wait', reason: 'Retrying' })
    expect(asked).toEqual([10_001])
  })

  it('is asked for again when the minute is over', async () => {
    const { it: climb, asked } = absentVM({ clone: { isUnasked: false, askedMs: nowMs - 61_000 } }, () => {
      throw refusal("can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout")
    })
    await expect(ensureCloned(climb)).rejects.toThrow(PveError)

    expect(asked).toEqual([10_001])
    expect(climb.memory).toMatchObject({ clone: { isUnasked: true } })
    expect(climb.memory.clone.askedMs).toBeUndefined()
  })
})
