import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseNet, printNet, sameNet } from '../../src/proxmox/net-string.ts'
import {
  diskSizeMiB,
  isCdrom,
  isCloudInit,
  isDriveKey,
  parseDrive,
  parseProperties,
  printDrive,
  sameDrive,
  storageOf,
  withThrottle,
} from '../../src/proxmox/property-string.ts'

const word = fc.stringMatching(/^[A-Za-z0-9_./:;+-]{1,12}$/)

describe('option strings', () => {
  it('lose nothing when they are parsed and printed', () => {
    const part = fc.oneof(
      word,
      fc.tuple(word, fc.stringMatching(/^[A-Za-z0-9_./:;+=-]{0,12}$/)).map(([key, value]) => `${key}=${value}`),
    )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), (parts) => {
        const again = parseProperties(parts.join(',')).map(({ key, value }) => (key === undefined ? value : `${key}=${value}`))
        expect(again.join(',')).toBe(parts.join(','))
      }),
    )
  })
})

describe('drives', () => {
  const stored = 'local-lvm:vm-100-disk-0,cache=writeback,discard=on,iops_rd=500,mbps_rd=50,size=10G,ssd=1'

  it.each([stored, 'none,media=cdrom', 'local-lvm:32,format=qcow2', 'local:iso/debian.iso,media=cdrom,size=600M'])(
    '%s survives',
    (text) => {
      expect(printDrive(parseDrive(text))).toBe(text)
    },
  )

  it('keep everything but the limits when limits change', () => {
    const drive = withThrottle(parseDrive(stored), { mbps_rd: 80, mbps_wr: 40, iops_rd: 0 })
    expect(printDrive(drive)).toBe('local-lvm:vm-100-disk-0,cache=writeback,discard=on,size=10G,ssd=1,mbps_rd=80,mbps_wr=40')
  })

  it('lose the totals that exclude our limits', () => {
    const drive = withThrottle(parseDrive('a:b,mbps=10,mbps_max=20,mbps_max_length=5,bps=1,iops=7'), { iops_wr: 100 })
    expect(printDrive(drive)).toBe('a:b,iops_wr=100')
  })

  it.each([
    ['a:b,ssd=1,discard=on', 'a:b,discard=on,ssd=on', true],
    ['a:b,mbps_rd=50', 'a:b,mbps_rd=50.0', true],
    ['a:b,mbps_rd=0', 'a:b', true],
    ['a:b,size=10G', 'a:b,size=12G', true],
    ['a:b,iothread=1', 'a:b', false],
    ['a:b,backup=0', 'a:b', false],
    ['a:b', 'a:c', false],
  ])('%s and %s are the same to PVE: %s', (a, b, same) => expect(sameDrive(parseDrive(a), parseDrive(b))).toBe(same))

  it.each([
    ['local-lvm:vm-100-cloudinit,media=cdrom', true, true],
    ['local:100/vm-100-cloudinit.qcow2,media=cdrom,size=366K', true, true],
    ['local-lvm:cloudinit,media=cdrom', true, true],
    ['local:iso/cloudinit-tools.iso,media=cdrom', true, false],
    ['none,media=cdrom', true, false],
    ['local-lvm:vm-100-disk-0', false, false],
  ])('%s: CD-ROM %s, cloud-init %s', (text, cdrom, cloudInit) => {
    expect([isCdrom(parseDrive(text)), isCloudInit(parseDrive(text))]).toEqual([cdrom, cloudInit])
  })

  it.each([
    ['10G', 10_240],
    ['1536M', 1536],
    ['1T', 1_048_576],
    ['2.5G', 2560],
    ['512K', 0.5],
    ['1048576', 1],
    ['x', undefined],
    [undefined, undefined],
  ])('size %s is %s MiB', (size, mib) => expect(diskSizeMiB(size)).toBe(mib))

  it('are told from other keys', () => {
    expect(
      ['scsi0', 'scsi30', 'scsi31', 'virtio15', 'virtio16', 'sata5', 'ide3', 'scsihw', 'unused0', 'efidisk0'].filter(isDriveKey),
    ).toEqual(['scsi0', 'scsi30', 'virtio15', 'sata5', 'ide3'])
    expect(storageOf('local-lvm:vm-100-disk-0')).toBe('local-lvm')
    expect(storageOf('none')).toBeUndefined()
  })
})

describe('network devices', () => {
  it.each([
    'virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=7',
    'e1000=02:00:00:00:00:01,bridge=vmbr0',
    'virtio=BC:24:11:00:00:01,bridge=vmbr0,trunks=10;20-30',
    'virtio,bridge=vmbr0',
  ])('%s survives', (text) => expect(printNet(parseNet(text))).toBe(text))

  it('are read in both spellings', () => {
    expect(
      sameNet(parseNet('model=virtio,macaddr=bc:24:11:00:00:01,bridge=vmbr0'), parseNet('virtio=BC:24:11:00:00:01,bridge=vmbr0')),
    ).toBe(true)
  })

  it.each([
    ['virtio=BC:24:11:00:00:01,bridge=vmbr0,rate=12.50', 'virtio=bc:24:11:00:00:01,rate=12.5,bridge=vmbr0', true],
    ['virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=0', 'virtio=BC:24:11:00:00:01,bridge=vmbr0', true],
    ['virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=7', 'virtio=BC:24:11:00:00:01,bridge=vmbr0', false],
    ['virtio=BC:24:11:00:00:01,bridge=vmbr0', 'virtio=BC:24:11:00:00:02,bridge=vmbr0', false],
  ])('%s and %s are the same to PVE: %s', (a, b, same) => expect(sameNet(parseNet(a), parseNet(b))).toBe(same))
})
