import { describe, expect, it } from '@jest/globals'
import type { Want, WantedDisk } from '../../src/ladder/machine.ts'
import { missing, refused, satisfied } from '../../src/ladder/step.ts'
import { keepDisks, setAdditionalDiskBandwidth, setAdditionalDiskSize, setCreatedAdditionalDisk } from '../../src/steps/additional-disk.ts'
import { mergedChange, type Values } from '../../src/ladder/config-step.ts'
import { seeing, settledValues, wanting, wantingDisk } from './seen-and-want.ts'
import type { ConfigPatch } from '../../src/ladder/guest-writer.ts'

const all = [setCreatedAdditionalDisk, setAdditionalDiskBandwidth]
const withDisk = (disk: Partial<WantedDisk>) => wanting({ additionalDisks: [wantingDisk(disk)] })
const nothing: ConfigPatch = { set: {}, remove: [] }
const present = { ...settledValues, scsi1: 'local-lvm:vm-10000-disk-1,size=100G' }

describe('set_created_additional_disk', () => {
  it.each<[claim: string, disk: Partial<WantedDisk>, sent: string]>([
    ['allocates in GiB without a unit', {}, 'local-lvm:100'],
    ['writes parts of a GiB as decimals', { sizeMiB: 1536 }, 'local-lvm:1.5'],
    ['loses no MiB', { sizeMiB: 1025 }, 'local-lvm:1.0009765625'],
    ['makes a qcow2 where a raw file would break snapshots', { storage: 'local', format: 'qcow2' }, 'local:100,format=qcow2'],
    ['allocates with its limits', { limits: { mbps_rd: 80, mbps_wr: 80 } }, 'local-lvm:100,mbps_rd=80,mbps_wr=80'],
    ['allocates with format and limits', { storage: 'local', format: 'qcow2', limits: { iops_rd: 9 } }, 'local:100,format=qcow2,iops_rd=9'],
  ])('%s', (_claim, disk, sent) => {
    expect(mergedChange(all, settledValues, withDisk(disk))).toEqual({ set: { scsi1: sent }, remove: [] })
  })

  it('never allocates into a slot that is taken', () => {
    expect(setCreatedAdditionalDisk.change(present, withDisk({}))).toEqual(nothing)
  })

  it('attaches a disk again that somebody detached, with its limits, and allocates none in its place', () => {
    const detached = { ...settledValues, unused0: 'local-lvm:vm-10000-disk-1' }
    const want = withDisk({ volume: 'local-lvm:vm-10000-disk-1', limits: { mbps_rd: 80 } })

    expect(mergedChange(all, detached, want)).toEqual({ set: { scsi1: 'local-lvm:vm-10000-disk-1,mbps_rd=80' }, remove: [] })
  })

  it('makes a new one where the volume is gone for good', () => {
    expect(mergedChange(all, settledValues, withDisk({ volume: 'local-lvm:vm-10000-disk-1' })).set).toEqual({ scsi1: 'local-lvm:100' })
  })

  it('is passed over without additional disks', () => {
    expect(setCreatedAdditionalDisk.check(seeing(), wanting())).toEqual(satisfied)
  })

  it('allocates several at once', () => {
    const want = wanting({ additionalDisks: [wantingDisk(), wantingDisk({ name: 'logs', key: 'scsi2', storage: 'ceph', sizeMiB: 2048 })] })

    expect(mergedChange(all, settledValues, want).set).toEqual({ scsi1: 'local-lvm:100', scsi2: 'ceph:2' })
  })
})

describe('a disk that left the package', () => {
  const volume = 'local-lvm:vm-10000-disk-1'
  const removed: Partial<Want> = { removedDisks: [{ key: 'scsi1', volume }] }

  it.each<[claim: string, seen: Values, removed: Partial<Want>['removedDisks'], remove: readonly string[]]>([
    ['is detached first', { scsi1: `${volume},size=100G` }, [{ key: 'scsi1', volume }], ['scsi1']],
    ['is freed once it is detached', { unused0: volume }, [{ key: 'scsi1', volume }], ['unused0']],
    ['is gone after that', {}, [{ key: 'scsi1', volume }], []],
    ['is not another one in the same slot', { scsi1: 'local-lvm:vm-10000-disk-7' }, [{ key: 'scsi1', volume }], []],
    ['is not another unused volume', { unused0: 'local-lvm:vm-10000-disk-7' }, [{ key: 'scsi1', volume }], []],
    ['is found among several', { unused0: 'a:b', unused3: volume }, [{ key: 'scsi1', volume }], ['unused3']],
    ['stays when the package keeps it', { scsi1: `${volume},size=100G` }, [], []],
  ])('%s', (_claim, seen, removedDisks, remove) => {
    const want = wanting({ removedDisks: removedDisks ?? [] })

    expect(setCreatedAdditionalDisk.change({ ...settledValues, ...seen }, want)).toEqual({ set: {}, remove })
  })

  it('goes in two requests, each harmless to repeat', () => {
    const attached = { ...settledValues, scsi1: `${volume},size=100G` }
    const detached = { ...settledValues, unused0: volume }

    expect(setCreatedAdditionalDisk.check(seeing(attached), wanting(removed))).toEqual(missing(`scsi1 ${volume},size=100G → unset`))
    expect(setCreatedAdditionalDisk.check(seeing(detached), wanting(removed))).toEqual(missing(`unused0 ${volume} → unset`))
    expect(setCreatedAdditionalDisk.check(seeing(), wanting(removed))).toEqual(satisfied)
  })
})

describe('a disk that PVE would not remove', () => {
  const volume = 'local-lvm:vm-10000-disk-1'
  const want = wanting({ removedDisks: [{ name: 'data', key: 'scsi1', volume }] })

  it.each([
    [
      'of a protected VM stays',
      { scsi1: `${volume},size=100G`, protection: '1' },
      /^disk data \(scsi1\) was not removed, because the VM is protected/,
    ],
    [
      'that is detached keeps its data while there are snapshots',
      { unused0: volume, parent: 's1' },
      /^disk data \(unused0\) was detached;/,
    ],
  ])('%s, is told, and is in no request', (_claim, more, told) => {
    const values = { ...settledValues, ...more }

    expect(setCreatedAdditionalDisk.change(values, want)).toEqual(nothing)
    expect(keepDisks.check(seeing(values), want)).toEqual({ is: 'refused', reason: 'DiskKept', message: expect.stringMatching(told) })
  })

  it('is detached although there are snapshots', () => {
    const values = { ...settledValues, scsi1: `${volume},size=100G`, parent: 's1' }

    expect(setCreatedAdditionalDisk.change(values, want).remove).toEqual(['scsi1'])
    expect(keepDisks.check(seeing(values), want)).toEqual(satisfied)
  })
})

describe('set_additional_disk_size', () => {
  const disks = [wantingDisk(), wantingDisk({ name: 'logs', key: 'scsi2', sizeMiB: 2048 })]
  const seen = (data: string, logs: string) =>
    seeing({ ...settledValues, scsi1: `local-lvm:a,size=${data}`, scsi2: `local-lvm:b,size=${logs}` })
  const refusal = 'disk data (scsi1) has 200Gi and does not shrink to 100Gi'

  it.each([
    ['is right', '100G', '2G', satisfied],
    ['grows the first that is too small', '50G', '1G', missing('disk data (scsi1) 50Gi → 100Gi')],
    ['grows the next one after it', '100G', '1G', missing('disk logs (scsi2) 1Gi → 2Gi')],
    ['grows the others although one may not shrink', '200G', '1G', missing('disk logs (scsi2) 1Gi → 2Gi')],
    ['tells of the one that may not shrink', '200G', '2G', refused('DiskShrinkRefused', refusal)],
    [
      'tells of all that may not shrink',
      '200G',
      '3G',
      refused('DiskShrinkRefused', `${refusal}; disk logs (scsi2) has 3Gi and does not shrink to 2Gi`),
    ],
  ])('%s', (_claim, data, logs, verdict) => {
    expect(setAdditionalDiskSize.check(seen(data, logs), wanting({ additionalDisks: disks }))).toEqual(verdict)
  })

  it('is passed over without additional disks', () => expect(setAdditionalDiskSize.check(seeing(), wanting())).toEqual(satisfied))
})

describe('set_additional_disk_bandwidth', () => {
  it('changes the limits of disks that exist and keeps the rest of them', () => {
    const seen = { ...settledValues, scsi1: 'local-lvm:a,discard=on,mbps_rd=10,size=100G' }

    expect(setAdditionalDiskBandwidth.change(seen, withDisk({ limits: { mbps_wr: 5 } })).set).toEqual({
      scsi1: 'local-lvm:a,discard=on,size=100G,mbps_wr=5',
    })
  })

  it('sends nothing for disks that are not there or right', () => {
    expect(setAdditionalDiskBandwidth.change(settledValues, withDisk({ limits: { mbps_wr: 5 } }))).toEqual(nothing)
    expect(setAdditionalDiskBandwidth.change(present, withDisk({}))).toEqual(nothing)
  })
})
