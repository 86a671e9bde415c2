import { describe, expect, it } from '@jest/globals'
import type { Climb } from '../../../src/engine/climb-pass.ts'
import { restoreRequest } from '../../../src/engine/create/restore-request.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const volume = 'local:backup/vzdump-qemu-100-2026_01_02-00_00_00.vma.zst'
const owner = aVm({
  metadata: { name: 'shop', uid: 'uid-shop' },
  status: { vmid: 100, intentAt: '2026-01-01T00:00:00Z', clonedAt: '2026-01-01T00:00:00Z' },
})

/** VM 10000 is to be made on pve1; `fileOn` is the node that lists the file, if any does. */
async function asked(o: { isLeft?: true; isOpen?: true; fileOn?: string; seen?: object }) {
  const sent: unknown[] = []
  const row = (node: string) => ({ storage: 'local', node, shared: false, content: ['backup'], available: true })
  const file = { volid: volume, vmid: 100, ctime: Date.parse('2026-01-02T00:00:00Z') / 1000, isProtected: false }
  const pve = {
    backups: async (node: string) => (node === o.fileOn ? [file] : []),
    restore: async (at: object, options: object) => sent.push({ ...at, ...options }),
  }
  const listing = {
    storages: [row('pve1'), row('pve2')],
    guests: new Map(),
    nodes: new Map(['pve1', 'pve2'].map((node) => [node, { node, online: true }])),
  }
  const status = {
    vmid: 10_000,
    node: 'pve1',
    intentAt: '2026-01-03T00:00:00Z',
    template: { vmid: 100, node: 'pve1', volume, ...(o.isLeft && { isLeft: true }) },
  }
  const request = { vmid: 10_000, node: 'pve1', template: 100, isRestore: true, askedAt: '2026-01-03T00:00:00Z' }
  const draft = draftOf(
    aVm({ metadata: { name: 'copy', uid: 'uid-copy' }, status: { ...status, ...(o.isOpen && { cloneRequests: [request] }) } }),
  )
  const deps = { ...quietDependencies({ now: '2026-01-03T00:00:00Z', vms: [owner] }), backups: { list: () => [] } }
  const climb = {
    deps,
    draft,
    memory: memory(),
    cluster: { name: 'fra1', spec: { tags: 'Own' }, clockSkewMs: 0, inventory: { current: () => listing }, pve },
    identity: { vmid: 10_000, name: 'copy', description: 'mark' },
    look: { need: async () => undefined, seen: o.seen ?? {} },
  } as unknown as Climb
  const answer = await restoreRequest(climb)
  if ('send' in answer) await answer.send()
  return { said: 'is' in answer ? answer : undefined, vmid: draft.status.vmid, sent }
}

describe('the request that makes a VM from the backup of another one', () => {
  it('goes into a free number, with our mark, and off at a reboot of the node', async () => {
    const { sent } = await asked({ fileOn: 'pve1' })
    expect(sent).toEqual([
      {
        node: 'pve1',
        vmid: 10_000,
        archive: volume,
        force: false,
        unique: true,
        name: 'copy',
        description: 'mark',
        onboot: false,
        tags: 'pve-operator',
      },
    ])
  })

  it('goes onto the empty guest that a failed restore has left, and onto nothing else', async () => {
    const bare = { guest: 'ours', config: { values: { memory: '512' }, digest: '', pending: [] } }
    expect((await asked({ fileOn: 'pve1', isLeft: true, seen: bare })).sent).toMatchObject([{ force: true }])
    const filled = { ...bare, config: { ...bare.config, values: { scsi0: 'local-lvm:vm-10000-disk-0' } } }
    expect((await asked({ fileOn: 'pve1', isLeft: true, seen: filled })).sent).toMatchObject([{ force: false }])
  })

  it.each([
    ['its node no longer lists the file', 'pve2'],
    ['no node lists the file', undefined],
  ])('chooses another place when %s', async (_, fileOn) => {
    const { said, vmid, sent } = await asked({ ...(fileOn && { fileOn }) })
    expect(said).toMatchObject({ is: 'wait', reason: 'Provisioning', message: expect.stringContaining('chooses another node') })
    expect([vmid, sent]).toEqual([undefined, []])
  })

  it('keeps the number while an earlier request for it may still take effect', async () => {
    const { said, vmid } = await asked({ fileOn: 'pve2', isOpen: true })
    expect(said).toMatchObject({
      is: 'wait',
      message: expect.stringMatching(/waiting for an earlier restore request for VM 10000 first\.$/),
    })
    expect(vmid).toBe(10_000)
  })

  it('keeps the number that has the guest of a failed restore, though its node no longer lists the file', async () => {
    const moved = await asked({ isLeft: true, fileOn: 'pve2' })
    expect(moved.said).toMatchObject({ is: 'wait', reason: 'BackupStorage', message: expect.stringContaining('left VM 10000') })
    const gone = await asked({ isLeft: true })
    expect(gone.said).toMatchObject({ is: 'stalled', reason: 'BackupNotFound' })
    expect([moved.vmid, gone.vmid]).toEqual([10_000, 10_000])
  })
})
