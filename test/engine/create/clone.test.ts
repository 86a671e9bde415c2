import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { ensureCloned } from '../../../src/engine/create/clone.ts'
import type { AskedClone } from '../../../src/api/clone-request.ts'
import { PveError } from '../../../src/proxmox/pve-error.ts'
import { memory, quietDependencies, draftOf } from '../dependencies.ts'
import { aVm } from '../vms.ts'
import type { Climb } from '../../../src/engine/climb-pass.ts'
import type { TaskEnd } from '../../../src/proxmox/task-end.ts'

const now = '2026-01-01T00:10:00Z'
const nowMs = Date.parse(now)

const refusal = (message: string, status = 500) =>
  new PveError({ message, status, sent: true, route: '/nodes/*/qemu/*/clone', method: 'POST' })

/** A VM whose intent is ten minutes old, absent from PVE, and what PVE answers to a request for its clone. */
function absentVM(answer: () => string, o: { isUnasked?: boolean; open?: readonly AskedClone[]; drives?: readonly string[] } = {}) {
  const asked: number[] = []
  const ended: { end?: TaskEnd } = {}
  /** What the ledger said in status when each request left. */
  const ledgers: (readonly AskedClone[])[] = []
  const vm: ProxmoxVM = aVm({
    status: {
      vmid: 10_001,
      node: 'pve1',
      template: { vmid: 9000, node: 'pve1' },
      intentAt: '2026-01-01T00:00:00Z',
      step: { name: 'clone', since: '2026-01-01T00:00:00Z' },
      cloneRequests: [...(o.open ?? [])],
    },
  })
  const cluster = {
    name: 'fra',
    deleting: false,
    clockSkewMs: 0,
    tasks: { ended: () => ended.end, follow: () => () => undefined },
    spec: {},
    cloneTargets: { of: () => Promise.resolve(undefined) },
    inventory: { current: () => undefined },
    cloneSlots: { take: () => ({ granted: true }), release: () => undefined, hold: () => undefined },
    templates: { config: () => Promise.resolve({ is: 'template', facts: { config: { scsi0: 'a', ide2: 'b', name: 'c' } } }) },
    pve: {
      tasks: () => Promise.resolve([]),
      clone: (_: unknown, { newid }: { newid: number }) => {
        asked.push(newid)
        ledgers.push(it.draft.status.cloneRequests ?? [])
        return new Promise((resolve) => resolve(answer()))
      },
    },
  }
  const it = {
    deps: Object.assign(quietDependencies({ now }), { mayAct: () => undefined }),
    key: 'shop/one',
    draft: Object.assign(draftOf(vm), { save: () => Promise.resolve() }),
    cluster,
    memory: memory({ clone: { isUnasked: o.isUnasked ?? false, seen: new Map() } }),
    look: o.drives
      ? { need, at: { node: 'pve1', vmid: 10_001 }, seen: { guest: 'ours', node: 'pve1', config: { values: drivesOf(o.drives) } } }
      : { need, seen: { guest: 'absent' } },
    identity: { vmid: 10_001, name: 'one', description: '' },
  } as unknown as Climb
  return { climb: it, asked, ended, ledgers }
}

const need = () => Promise.resolve()
const drivesOf = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, 'local-lvm:vm-10001-disk-0']))
const request = (secondsAgo: number, upid?: string): AskedClone => ({
  vmid: 10_001,
  node: 'pve1',
  template: 9000,
  askedAt: new Date(nowMs - secondsAgo * 1000).toISOString(),
  ...(upid && { upid }),
})

const taken = () => {
  throw refusal('unable to create VM 10001: config file already exists')
}

describe('a clone that is refused because its number is taken', () => {
  it('keeps the number: whose it is, only a look at the guest can tell', async () => {
    const { climb } = absentVM(taken, { isUnasked: true })

    expect(await ensureCloned(climb)).toMatchObject({ is: 'retry' })
    expect([climb.draft.status.vmid, climb.draft.status.cloneRequests, climb.memory.clone.isUnasked]).toEqual([10_001, [], false])
  })
})

describe('a clone request', () => {
  it('is in status before it leaves, and closed when PVE refuses it', async () => {
    const { climb, asked, ledgers } = absentVM(
      () => {
        throw refusal("can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout")
      },
      { isUnasked: true },
    )
    await expect(ensureCloned(climb)).rejects.toThrow(PveError)

    expect([asked, ledgers]).toEqual([[10_001], [[request(0)]]])
    expect([climb.draft.status.cloneRequests, climb.memory.clone.isUnasked]).toEqual([[], true])
  })

  it('whose answer is lost is given a minute, however old the intent', async () => {
    const { climb, asked } = absentVM(
      () => {
        throw refusal('', 596)
      },
      { isUnasked: true },
    )
    await expect(ensureCloned(climb)).rejects.toThrow(PveError)

    expect(climb.draft.status.cloneRequests).toEqual([request(0)])
    expect(await ensureCloned(climb)).toMatchObject({ is: 'wait', reason: 'Retrying' })
    expect(asked).toEqual([10_001])
  })

  it('whose answer was lost stays open when the next one is refused', async () => {
    const { climb, asked } = absentVM(
      () => {
        throw refusal("can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout")
      },
      { open: [request(61)] },
    )
    await expect(ensureCloned(climb)).rejects.toThrow(PveError)

    expect(asked).toEqual([10_001])
    expect(climb.draft.status.cloneRequests).toEqual([request(61)])
    expect(climb.memory.clone.isUnasked).toBe(false)
  })

  it('that somebody else’s work stopped is no reason to call its VM half made', async () => {
    const { climb, ended } = absentVM(taken, { open: [request(70), request(9, 'UPID:b')], drives: ['scsi0', 'ide2'] })
    ended.end = { is: 'failed', exitstatus: "can't lock file '/var/lock/qemu-server/lock-10001.conf' - got timeout" }

    expect(await ensureCloned(climb)).toEqual({ is: 'done' })
    expect(climb.draft.status.cloneRequests).toEqual([request(70), { ...request(9, 'UPID:b'), ended: true }])
  })

  it('that was killed left a VM without a drive of its template, and nobody is told to destroy it', async () => {
    const { climb } = absentVM(taken, { drives: ['ide2'] })
    const outcome = await ensureCloned(climb)

    expect(outcome).toMatchObject({ is: 'stalled', reason: 'StuckLock', message: expect.stringContaining('lacks scsi0 of template 9000') })
    expect(JSON.stringify(outcome)).not.toContain('qm destroy')
  })
})
