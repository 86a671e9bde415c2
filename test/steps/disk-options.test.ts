import { describe, expect, it } from '@jest/globals'
import type { DiskOptions } from '../../src/ladder/machine.ts'
import { refused, satisfied } from '../../src/ladder/step.ts'
import { mergedChange } from '../../src/ladder/config-step.ts'
import { setAdditionalDiskBandwidth, setCreatedAdditionalDisk } from '../../src/steps/additional-disk.ts'
import { impossibleOptions } from '../../src/steps/disk-options.ts'
import { setSystemDiskBandwidth } from '../../src/steps/system-disk.ts'
import { diskOptionsOf, type NamedOptions } from '../../src/want/disk-options.ts'
import { seeing, settledValues, wanting, wantingDisk } from './seen-and-want.ts'

const volume = 'local-lvm:vm-10000-disk-0'
const steps = [setSystemDiskBandwidth, setCreatedAdditionalDisk, setAdditionalDiskBandwidth]
const ofSystem = (options: DiskOptions) => wanting({ systemDisk: { key: 'scsi0', limits: {}, options } })

describe('options of the system disk', () => {
  it.each<[claim: string, has: string, options: NamedOptions, sent: string | undefined]>([
    [
      'are set beside those it has',
      ',aio=native,size=10G',
      { discard: true, ioThread: true },
      ',aio=native,size=10G,discard=on,iothread=1',
    ],
    ['are taken off', ',discard=on,size=10G,ssd=1', { discard: false, ssd: false }, ',size=10G'],
    ['that nobody names stay', ',cache=writeback,discard=on,size=10G', { ssd: true }, ',cache=writeback,discard=on,size=10G,ssd=1'],
    ['that are so already send nothing', ',discard=on,iothread=1,size=10G', { discard: true, ioThread: true }, undefined],
    ['that PVE has without a word send nothing', ',size=10G', { discard: false, ssd: false, ioThread: false, cache: 'none' }, undefined],
    ['name the cache', ',cache=writeback,size=10G', { cache: 'directsync' }, ',cache=directsync,size=10G'],
  ])('%s', (_claim, has, options, sent) => {
    const { set } = setSystemDiskBandwidth.change({ ...settledValues, scsi0: volume + has }, ofSystem(diskOptionsOf(options)))

    expect(set.scsi0).toBe(sent === undefined ? undefined : volume + sent)
  })
})

describe('a new additional disk', () => {
  const template = { ...settledValues, scsi0: `${volume},cache=writeback,discard=on,iothread=1,size=10G,ssd=1` }

  it('has the options of the system disk', () => {
    expect(mergedChange(steps, template, wanting({ additionalDisks: [wantingDisk()] })).set.scsi1).toBe(
      'local-lvm:100,discard=on,ssd=1,iothread=1,cache=writeback',
    )
  })

  it('has its own before those', () => {
    const disk = wantingDisk({ options: diskOptionsOf({ discard: false, cache: 'none' }), limits: { mbps_rd: 5 } })

    expect(mergedChange(steps, template, wanting({ additionalDisks: [disk] })).set.scsi1).toBe('local-lvm:100,ssd=1,iothread=1,mbps_rd=5')
  })

  it('has those that the system disk gets in the same request', () => {
    const want = { ...ofSystem(diskOptionsOf({ discard: true })), additionalDisks: [wantingDisk()] }

    expect(mergedChange(steps, settledValues, want).set.scsi1).toBe('local-lvm:100,discard=on')
  })

  it('is not changed later for an option that only the system disk has', () => {
    const values = { ...template, scsi1: 'local-lvm:vm-10000-disk-1,size=100G' }

    expect(mergedChange(steps, values, wanting({ additionalDisks: [wantingDisk()] })).set).toEqual({})
  })
})

describe('an option that PVE does not take there', () => {
  const ioThread = diskOptionsOf({ ioThread: true })
  it.each([
    ['ssd on virtio', 'virtio0', diskOptionsOf({ ssd: true }), {}, 'a disk on the bus virtio does not support ssd; remove options.ssd'],
    ['ioThread on sata', 'sata0', ioThread, {}, 'a disk on the bus sata does not support ioThread; remove options.ioThread'],
    [
      'ioThread on another controller',
      'scsi0',
      ioThread,
      { scsihw: 'virtio-scsi-pci' },
      'ioThread needs the controller virtio-scsi-single, and the controller is virtio-scsi-pci; remove options.ioThread',
    ],
  ])('is told: %s', (_claim, key, options, more, objection) => {
    const values = { ...settledValues, ...more, [key]: `${volume},size=10G` }
    const want = wanting({ systemDisk: { key, limits: {}, options } })

    expect(impossibleOptions.check(seeing(values), want)).toEqual(refused('PackageInvalid', `system disk: ${objection}`))
    // On another controller it is sent all the same: it is PVE that ignores it.
    const { set } = setSystemDiskBandwidth.change(values, want)
    expect(Object.keys(set)).toEqual(key === 'scsi0' ? ['scsi0'] : [])
  })

  it('is none of those that fit', () => {
    const values = { ...settledValues, scsihw: 'virtio-scsi-single' }

    expect(impossibleOptions.check(seeing(values), ofSystem(ioThread))).toEqual(satisfied)
    expect(impossibleOptions.check(seeing(), ofSystem(diskOptionsOf({ ssd: true, discard: true })))).toEqual(satisfied)
  })
})
