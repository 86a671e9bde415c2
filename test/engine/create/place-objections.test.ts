/** What is said of a storage or bridge that PVE does not have: which field of which object names it. */
import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../../src/api/package.ts'
import { objectionToBridge, objectionToStorages, packageOfBridge } from '../../../src/engine/create/place-objections.ts'
import { listingOf } from '../../../src/proxmox/listing.ts'
import { aVm } from '../vms.ts'

const listing = listingOf([{ type: 'storage', storage: 'ceph', node: 'pve1', content: 'images', status: 'available', shared: 1 }], 0)
const disk = { name: 'data', size: '10Gi', storage: 'cehp' }

const specOf = (inline: Package | undefined, packageRef?: string) => {
  const { spec } = aVm({ spec: { ...(inline && { package: inline }) } })
  const { packageRef: _, ...rest } = spec
  return packageRef === undefined ? rest : { ...rest, packageRef: { name: packageRef } }
}

describe('a storage that no node has', () => {
  it.each<[string, Package | undefined, string | undefined, string]>([
    ['of the VMPackage', undefined, 'vps-s', 'additionalDisks[data].storage of package vps-s'],
    ['of the VM itself', { additionalDisks: [disk] }, undefined, 'spec.package.additionalDisks[data].storage'],
    ['of the VM, beside a VMPackage', { additionalDisks: [disk] }, 'vps-s', 'spec.package.additionalDisks[data].storage'],
    [
      'of the VMPackage, where the VM only makes the disk larger',
      { additionalDisks: [{ name: 'data', size: '20Gi' }] },
      'vps-s',
      'additionalDisks[data].storage of package vps-s',
    ],
  ])('is %s: the message names that field', (_, inline, packageRef, field) => {
    const spec = specOf(inline, packageRef)
    expect(objectionToStorages({ merged: { additionalDisks: [disk] }, spec, template: spec.template, listing })).toMatchObject({
      reason: 'StorageNotFound',
      message: `Disk data wants storage "cehp", which no node has; there are ceph. Change ${field}, or give the token Datastore.Audit on the storage.`,
    })
  })
})

describe('a bridge that the node does not have', () => {
  it.each<[string, Package | undefined, string]>([
    ['of the VMPackage', undefined, 'network.bridge of package vps-s'],
    ['of the VM, beside a VMPackage', { network: { bridge: 'vmbr9' } }, 'spec.package.network.bridge'],
  ])('is %s: the message names that field', (_, inline, field) => {
    const packageName = packageOfBridge(specOf(inline, 'vps-s'))
    const merged = { network: { bridge: 'vmbr9' } }
    const o = { merged, packageName, bridge: 'vmbr9', node: 'pve1', has: new Set(['vmbr0']), isGranted: false, pool: undefined }
    expect(objectionToBridge(o)).toMatchObject({
      message: `Node pve1 has no bridge "vmbr9" that the token may use (${field}); there are vmbr0. Change the bridge, or give the token SDN.Use on it.`,
    })
  })
})
