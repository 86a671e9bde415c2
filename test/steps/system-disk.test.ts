import { describe, expect, it } from '@jest/globals'
import type { Throttle } from '../../src/proxmox/property-string.ts'
import { missing, refused, satisfied, type Verdict } from '../../src/ladder/step.ts'
import { keepDiskSizes, setSystemDiskBandwidth, setSystemDiskSize } from '../../src/steps/system-disk.ts'
import { seeing, settledValues, wanting, without } from './seen-and-want.ts'

const drive = (size: string) => ({ ...settledValues, scsi0: `local-lvm:vm-10000-disk-0,size=${size}` })
const GiB = 1024

describe('set_system_disk_size', () => {
  it.each<[has: string, wantsMiB: number | undefined, verdict: Verdict]>([
    ['10G', 40 * GiB, missing('system disk (scsi0) 10Gi → 40Gi')],
    ['10G', 10 * GiB, satisfied],
    ['10240M', 10 * GiB, satisfied],
    ['1T', 1024 * GiB, satisfied],
    ['2252M', 20 * GiB, missing('system disk (scsi0) 2252Mi → 20Gi')],
    ['1536M', 1536, satisfied],
    ['20G', 10 * GiB, refused('DiskShrinkRefused', 'system disk (scsi0) has 20Gi and does not shrink to 10Gi')],
    ['10G', undefined, satisfied], // absent: as the template has it
    ['10G', 0, satisfied],
    ['1028M', 1025, satisfied], // LVM rounds up to whole extents
    ['1029M', 1025, refused('DiskShrinkRefused', 'system disk (scsi0) has 1029Mi and does not shrink to 1025Mi')],
    ['1024M', 1025, missing('system disk (scsi0) 1Gi → 1025Mi')],
  ])('of a disk of %s that is to have %p MiB: %j', (has, wantsMiB, verdict) => {
    const systemDisk = { key: 'scsi0', limits: {}, ...(wantsMiB !== undefined && { sizeMiB: wantsMiB }) }

    expect(setSystemDiskSize.check(seeing(drive(has)), wanting({ systemDisk }))).toEqual(verdict)
  })

  it('asks for nothing of a template without a disk', () => {
    const diskless = seeing(without(settledValues, 'scsi0'))

    expect(setSystemDiskSize.check(diskless, wanting({ systemDisk: { key: '', limits: {} } }))).toEqual(satisfied)
  })

  it('takes a size it cannot read for none', () => {
    const unreadable = seeing({ ...settledValues, scsi0: 'local-lvm:vm-10000-disk-0' })

    expect(setSystemDiskSize.check(unreadable, wanting({ systemDisk: { key: 'scsi0', sizeMiB: 1024, limits: {} } }))).toEqual(satisfied)
  })
})

describe('set_system_disk_bandwidth', () => {
  const volume = 'local-lvm:vm-10000-disk-0'

  it.each<[claim: string, seen: string, limits: Throttle, sent: string | undefined]>([
    ['sends nothing when there are no limits', `${volume},size=10G`, {}, undefined],
    ['sets limits', `${volume},size=10G`, { mbps_rd: 200, iops_wr: 2000 }, `${volume},size=10G,mbps_rd=200,iops_wr=2000`],
    [
      'knows limits that are there, in any order',
      `${volume},iops_wr=2000,mbps_rd=200,size=10G`,
      { mbps_rd: 200, iops_wr: 2000 },
      undefined,
    ],
    ['knows 200.0 for 200', `${volume},mbps_rd=200.0,size=10G`, { mbps_rd: 200 }, undefined],
    ['lifts what is no longer sold', `${volume},mbps_rd=200,size=10G`, {}, `${volume},size=10G`],
    ['takes a limit of 0 for none', `${volume},mbps_rd=0,size=10G`, {}, undefined],
    ['lifts the totals of a template', `${volume},mbps=50,iops=500,size=10G`, {}, `${volume},size=10G`],
    ['replaces totals, which exclude ours', `${volume},mbps=50,size=10G`, { mbps_rd: 10 }, `${volume},size=10G,mbps_rd=10`],
    ['lifts the length of a burst', `${volume},mbps_rd_max_length=5,size=10G`, {}, `${volume},size=10G`],
    [
      'sends back what is not a limit',
      `${volume},cache=writeback,discard=on,iothread=1,size=10G,ssd=1`,
      { mbps_wr: 5 },
      `${volume},cache=writeback,discard=on,iothread=1,size=10G,ssd=1,mbps_wr=5`,
    ],
  ])('%s', (_claim, seen, limits, sent) => {
    const patch = setSystemDiskBandwidth.change({ ...settledValues, scsi0: seen }, wanting({ systemDisk: { key: 'scsi0', limits } }))

    expect(patch.set['scsi0']).toBe(sent)
  })

  it('finds the disk on whatever bus the template boots from', () => {
    const values = { ...settledValues, virtio1: 'ceph:vm-10000-disk-0,size=10G' }
    const want = wanting({ systemDisk: { key: 'virtio1', limits: { iops_rd: 100 } } })

    expect(setSystemDiskBandwidth.change(values, want).set).toEqual({ virtio1: 'ceph:vm-10000-disk-0,size=10G,iops_rd=100' })
  })
})

describe('keep_disk_sizes', () => {
  const volume = 'local-lvm:vm-10000-disk-0'
  const pending = (next: string, now: string) =>
    seeing(settledValues, {
      config: { values: { ...settledValues, scsi0: next }, digest: 'd', pending: ['scsi0'], inForce: { scsi0: now } },
    })

  it('puts right what a pending setting would bring back, and leaves the setting', async () => {
    const seen = pending(`${volume},cache=writeback,size=20G`, `${volume},size=30G`)
    const sent: unknown[] = []
    const writer = { writeConfig: async (...args: unknown[]) => void sent.push(args) }
    expect(keepDiskSizes.check(seen, wanting())).toEqual(missing('the pending value of scsi0 says 20Gi, the disk has 30Gi'))
    await keepDiskSizes.apply({ writer: writer as never, seen, want: wanting() })

    expect(sent).toEqual([[{ set: { scsi0: `${volume},cache=writeback,size=30G` }, remove: [] }, 'd']])
  })

  it.each([
    ['a larger size', `${volume},size=40G`],
    ['the same size', `${volume},cache=writeback,size=30G`],
    ['another volume', 'local-lvm:vm-10000-disk-7,size=1G'],
  ])('leaves a pending setting with %s alone', (_, next) => {
    expect(keepDiskSizes.check(pending(next, `${volume},size=30G`), wanting())).toEqual(satisfied)
  })

  it('is about sizes in force, which decide whether a disk is to grow', () => {
    const seen = pending(`${volume},cache=writeback,size=20G`, `${volume},size=30G`)

    expect(setSystemDiskSize.check(seen, wanting({ systemDisk: { key: 'scsi0', sizeMiB: 30 * GiB, limits: {} } }))).toEqual(satisfied)
  })
})
