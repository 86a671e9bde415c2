import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import { assignSlots, systemKeyOf } from '../../src/want/disk-slots.ts'

type Noted = NonNullable<ProxmoxVMStatus['disks']>

const config = { scsi0: 'local-lvm:vm-1-disk-0,size=10G', ide2: 'local-lvm:vm-1-cloudinit,media=cdrom' }
const system = { name: 'system', key: 'scsi0', volume: 'local-lvm:vm-1-disk-0', size: '10Gi' }
const sold = (...names: string[]) => ({ additionalDisks: names.map((name) => ({ name, size: '100Gi' })) })
const slotsOf = (disks: Noted | undefined) => disks?.map(({ name, key }) => `${name}=${key}`)

describe('the slots of the disks', () => {
  it('are the next free ones of the bus of the system disk', () => {
    expect(assignSlots([], 'scsi0', sold('data', 'logs'), config)).toEqual([
      system,
      { name: 'data', key: 'scsi1', size: '100Gi', removalPolicy: 'Keep' },
      { name: 'logs', key: 'scsi2', size: '100Gi', removalPolicy: 'Keep' },
    ])
  })

  it.each([
    ['pass over disks of the template', 'scsi0', { ...config, scsi1: 'a:b' }, ['system=scsi0', 'data=scsi2']],
    ['fill gaps', 'scsi3', { scsi3: 'a:b', scsi0: 'a:c' }, ['system=scsi3', 'data=scsi1']],
    ['are on virtio like the system disk', 'virtio0', { virtio0: 'a:b' }, ['system=virtio0', 'data=virtio1']],
    ['pass over the cloud-init drive', 'ide0', { ide0: 'a:b', ide1: 'a:c', ide2: 'a:cloudinit,media=cdrom' }, ['system=ide0', 'data=ide3']],
  ])('%s', (_claim, key, values, slots) => expect(slotsOf(assignSlots([], key, sold('data'), values))).toEqual(slots))

  it('end with the bus', () => {
    const full = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`sata${index}`, 'a:b']))

    expect(assignSlots([], 'sata0', sold('data'), full)).toBeUndefined()
  })

  it('stay once they are noted, whatever was added in PVE meanwhile', () => {
    const noted: Noted = [system, { name: 'data', key: 'scsi4' }]

    expect(slotsOf(assignSlots(noted, 'scsi0', sold('logs', 'data'), { ...config, scsi1: 'a:b' }))).toEqual([
      'system=scsi0',
      'logs=scsi2',
      'data=scsi4',
    ])
  })

  it('follow a disk that somebody attached at another slot, and no other disk', () => {
    const noted: Noted = [system, { name: 'data', key: 'scsi1', volume: 'a:data' }, { name: 'logs', key: 'scsi2', volume: 'a:logs' }]
    const slots = (values: object) => slotsOf(assignSlots(noted, 'scsi0', sold('data', 'logs'), { ...config, ...values }))

    expect(slots({ scsi5: 'a:data,size=100G', scsi2: 'a:logs' })).toEqual(['system=scsi0', 'data=scsi5', 'logs=scsi2'])
    expect(slots({ scsi2: 'a:data,size=100G' })).toEqual(['system=scsi0', 'data=scsi1', 'logs=scsi2'])
    expect(slots({ unused0: 'a:data', scsi2: 'a:logs' })).toEqual(['system=scsi0', 'data=scsi1', 'logs=scsi2'])
  })

  it('tell what is in them', () => {
    const disks = assignSlots([], 'scsi0', sold('data'), { ...config, scsi1: 'a:b' })
    const noted = assignSlots(disks ?? [], 'scsi0', sold('data'), { ...config, scsi2: 'ceph:vm-1-disk-1,size=120G' })

    expect(noted?.[1]).toEqual({ name: 'data', key: 'scsi2', volume: 'ceph:vm-1-disk-1', size: '120Gi', removalPolicy: 'Keep' })
    expect(systemKeyOf(noted)).toBe('scsi0')
  })
})

describe('a disk that left the package', () => {
  const data: Noted[number] = { name: 'data', key: 'scsi1', volume: 'ceph:vm-1-disk-1', removalPolicy: 'Delete' }
  const left = (values: Record<string, string>, disk: Noted[number] = data, pending: string[] = []) =>
    assignSlots([system, disk], 'scsi0', {}, { ...config, ...values }, pending)?.slice(1)

  it.each<[claim: string, left: Noted | undefined, expected: Noted]>([
    ['keeps its entry while it is attached', left({ scsi1: 'ceph:vm-1-disk-1,size=100G' }), [data]],
    ['keeps it while its volume is unused', left({ unused0: 'ceph:vm-1-disk-1' }), [data]],
    ['keeps it while it is detached only at the next cold start', left({}, data, ['scsi1']), [data]],
    ['loses it when it is gone', left({}), []],
    ['loses it when only another volume is unused', left({ unused0: 'ceph:vm-1-disk-7' }), []],
    [
      'has its volume noted before it is detached',
      left({ scsi1: 'ceph:vm-1-disk-1,size=100G' }, { name: 'data', key: 'scsi1', removalPolicy: 'Delete' }),
      [{ ...data, size: '100Gi' }],
    ],
  ])('%s', (_claim, entries, expected) => expect(entries).toEqual(expected))

  it('leaves its slot to nobody', () => {
    expect(slotsOf(assignSlots([system, data], 'scsi0', sold('new'), config))).toEqual(['system=scsi0', 'new=scsi2'])
  })
})
