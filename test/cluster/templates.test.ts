import { describe, expect, it } from '@jest/globals'
import { listingOf } from '../../src/proxmox/listing.ts'
import { bootOrderOf, isOnSharedStorage, isTemplate, templateFactsOf } from '../../src/cluster/template-facts.ts'
import { findTemplate, type TemplateRef } from '../../src/cluster/templates.ts'

const guest = (vmid: number, node: string, o: object = {}) => ({
  type: 'qemu',
  vmid,
  node,
  status: 'stopped',
  template: 1,
  name: 'debian-13',
  ...o,
})
const seen = (...rows: object[]) =>
  listingOf(
    rows.map((row) => ({ ...row })),
    0,
  )
const find = (ref: TemplateRef, ...rows: object[]) => {
  const result = findTemplate(ref, seen(...rows))
  return result.is === 'found' ? result.copies.map(({ vmid }) => vmid) : result.reason
}

describe('finding a template', () => {
  it.each([{ name: 'debian-13' }, { tag: 'Debian' }])('finds the copies on several nodes by %j', (ref) => {
    expect(
      find(ref, guest(9001, 'pve2', { tags: 'debian;x' }), guest(9000, 'pve1', { tags: 'debian' }), guest(9, 'pve1', { name: 'x' })),
    ).toEqual([9000, 9001])
  })

  it('finds one by its number even before the listing shows the flag', () => {
    expect(find({ vmid: 9000 }, guest(9000, 'pve1', { template: 0, name: undefined }))).toEqual([9000])
  })

  it('passes over guests that merely carry the name or the tag', () => {
    expect(find({ tag: 'debian' }, guest(9000, 'pve1', { tags: 'debian' }), guest(500, 'pve1', { tags: 'debian', template: 0 }))).toEqual([
      9000,
    ])
    expect(find({ name: 'debian-13' }, guest(500, 'pve1', { template: 0 }))).toBe('TemplateNotTemplate')
    expect(find({ name: 'debian-13' }, { ...guest(500, 'pve1'), type: 'lxc' })).toBe('TemplateNotFound')
  })

  it('says which templates there are when none has the name', () => {
    const result = findTemplate(
      { name: 'debain-13' },
      seen(guest(9000, 'pve1'), guest(9001, 'pve2', { name: 'alma-9' }), guest(500, 'pve1', { template: 0 })),
    )
    expect(result).toMatchObject({
      message:
        'the token sees no template named debain-13; there are alma-9, debian-13. Correct the name, or give the token VM.Audit on the template',
    })
  })

  it('calls two on one node ambiguous and says which', () => {
    const result = findTemplate({ name: 'debian-13' }, seen(guest(9000, 'pve1'), guest(9003, 'pve1'), guest(9001, 'pve2')))
    expect(result).toEqual({
      is: 'refused',
      reason: 'TemplateAmbiguous',
      message: 'node pve1 has several templates named debian-13: 9000, 9003; name one by vmid',
    })
  })
})

describe('what a template is', () => {
  const at = { node: 'pve1', vmid: 9000 }
  const config = {
    digest: 'd',
    template: 1,
    name: 'debian-13',
    boot: 'order=net0;ide2;scsi1;scsi0',
    scsi0: 'local-lvm:base-9000-disk-0,size=10G',
    scsi1: 'ceph:base-9000-disk-1,size=2560M',
    scsi10: 'ceph:base-9000-disk-2,size=1G',
    ide2: 'ceph:vm-9000-cloudinit,media=cdrom',
    efidisk0: 'ceph:base-9000-disk-3,size=4M',
    scsihw: 'virtio-scsi-single',
  }

  it('has the first disk of the boot order as system disk', () => {
    expect(templateFactsOf(at, config)).toMatchObject({
      systemDisk: { key: 'scsi1', storage: 'ceph', sizeMiB: 2560 },
      cloudInitKey: 'ide2',
      disks: [{ key: 'scsi0' }, { key: 'scsi1' }, { key: 'scsi10' }],
    })
  })

  it('has its first disk as system disk when the boot order names none', () => {
    expect(templateFactsOf(at, { ...config, boot: ' ' }).systemDisk?.key).toBe('scsi0')
    expect(templateFactsOf(at, { digest: '' }).systemDisk).toBeUndefined()
  })

  it('is on shared storage only if everything is', () => {
    const shared = seen(
      { type: 'storage', storage: 'ceph', node: 'pve1', shared: 1 },
      { type: 'storage', storage: 'local-lvm', node: 'pve1', shared: 0 },
    ).storages
    expect(isOnSharedStorage(templateFactsOf(at, config), shared)).toBe(false)
    expect(isOnSharedStorage(templateFactsOf(at, { ...config, scsi0: 'ceph:x,size=1G' }), shared)).toBe(true)
    expect(isOnSharedStorage(templateFactsOf(at, { ...config, scsi0: 'ceph:x', efidisk0: 'local-lvm:y' }), shared)).toBe(false)
  })

  it('says so itself, whatever type PVE gives the flag', () => {
    expect([1, '1', 0, '0'].map((template) => isTemplate({ digest: '', template }))).toEqual([true, true, false, false])
    expect(isTemplate({ digest: '' })).toBe(false)
  })

  it.each([
    [{ boot: 'order=scsi0;ide2' }, ['scsi0', 'ide2']],
    [{ boot: 'c', bootdisk: 'virtio0' }, ['virtio0']],
    [{ boot: 'order=' }, []],
    [{}, []],
  ])('boots by %j from %j', (options, order) => expect(bootOrderOf({ digest: '', ...options })).toEqual(order))
})
