import { describe, expect, it } from '@jest/globals'
import { backupSource } from '../../../src/engine/create/backup-source.ts'
import type { IntentInput } from '../../../src/engine/create/intent-input.ts'
import type { Listing } from '../../../src/proxmox/listing.ts'
import { draftOf } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const volume = 'pbs:backup/vm/100/2026-01-02T00:00:00Z'
const owner = aVm({
  metadata: { name: 'shop', uid: 'uid-shop' },
  status: {
    vmid: 100,
    intentAt: '2026-01-01T00:00:00Z',
    clonedAt: '2026-01-01T00:00:00Z',
    disks: [
      { name: 'system', key: 'scsi0', volume: 'lvm:vm-100-disk-0' },
      { name: 'data', key: 'scsi1', volume: 'lvm:vm-100-disk-1', removalPolicy: 'Delete' },
      { name: 'later', key: 'scsi2', volume: 'lvm:vm-100-disk-2', removalPolicy: 'Delete' },
    ],
  },
})
const file = `boot: order=scsi0
scsi0: lvm:vm-100-disk-0,size=10G
scsi1: lvm:vm-100-disk-1,size=20G
scsi2: lvm:vm-100-disk-2,size=30G,backup=0
`

async function sourced() {
  const pve = {
    backups: async () => [{ volid: volume, vmid: 100, ctime: Date.parse('2026-01-02T00:00:00Z') / 1000, isProtected: false }],
    backupConfig: async () => file,
  }
  const listing = {
    storages: [{ storage: 'pbs', node: 'pve1', shared: true, content: ['backup'], available: true }],
    guests: new Map(),
    nodes: new Map([['pve1', { node: 'pve1', online: true }]]),
  } as unknown as Listing
  const deps = { vms: { list: () => [owner] }, backups: { list: () => [] } }
  const cluster = { name: 'fra1', clockSkewMs: 0, facts: () => undefined, pve }
  const draft = draftOf(aVm({ metadata: { name: 'copy', uid: 'uid-copy' } }))
  const source = await backupSource({ deps, cluster, draft } as unknown as IntentInput, listing, { volume })
  if ('is' in source) throw new Error(source.message)
  return source
}

describe('the disks of a new VM that is made from the backup of another one', () => {
  it('have the names they have there, and not the policy by which that VM would delete them', async () => {
    expect((await sourced()).backup).toEqual({ volume, disks: [{ name: 'data', key: 'scsi1' }] })
  })

  it('are those that are in the file', async () => {
    const look = (await sourced()).lookAt({ node: 'pve1', vmid: 100 })
    expect(look).toMatchObject({ is: 'template', facts: { disks: [{ key: 'scsi0' }, { key: 'scsi1' }] } })
  })
})
