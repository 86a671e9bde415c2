import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../../src/api/package.ts'
import { templateFactsOf } from '../../../src/cluster/template-facts.ts'
import { objectionToTemplate } from '../../../src/engine/create/template-objections.ts'
import { aVm } from '../vms.ts'

const template = (config: object) =>
  templateFactsOf({ node: 'pve1', vmid: 9000 }, { template: 1, scsi0: 'local-lvm:base-9000-disk-0,size=10G', ...config } as never)
const objection = (config: object, merged: Package) => objectionToTemplate(template(config), { vm: aVm(), merged, grants: [] })
const hotplug = { hotplug: 'network,disk,memory', numa: 1 }

describe('a template with memory hotplug', () => {
  it('is refused before the clone for less memory than PVE starts it with, with what to write instead', () => {
    expect(objection(hotplug, { memory: { size: '512Mi' } })).toMatchObject({
      is: 'stalled',
      reason: 'PackageInvalid',
      message: expect.stringMatching(/512 MiB.*Write memory\.size: 1Gi, or .*qm set 9000 --hotplug network,disk,usb/),
    })
  })

  it.each<[claim: string, config: object, merged: Package]>([
    ['enough memory', hotplug, { memory: { size: '1Gi' } }],
    ['the memory it has itself', hotplug, {}],
    ['little memory without the hotplug', { hotplug: 'network,disk' }, { memory: { size: '512Mi' } }],
  ])('is taken with %s', (_claim, config, merged) => expect(objection(config, merged)).toBeUndefined())
})

describe('options of disks that the template cannot have', () => {
  const told = (config: object, merged: Package) => objection(config, merged)?.message

  it('are refused before the clone, with what to leave out', () => {
    expect(told({}, { systemDisk: { options: { ioThread: true } } })).toBe(
      'systemDisk of the package does not fit template 9000 on pve1: ioThread needs the controller virtio-scsi-single, and the controller is lsi; remove options.ioThread.',
    )
    const disks: Package = { additionalDisks: [{ name: 'data', size: '1Gi', options: { ioThread: true } }] }
    expect(told({ scsihw: 'virtio-scsi-pci' }, disks)).toContain('disk "data" of the package does not fit template 9000')
  })

  it('are taken where they fit', () => {
    const merged: Package = { systemDisk: { options: { discard: true, ssd: true, ioThread: true, cache: 'writeback' } } }

    expect(objection({ scsihw: 'virtio-scsi-single' }, merged)).toBeUndefined()
  })
})
