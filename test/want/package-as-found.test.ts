import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../src/api/package.ts'
import { packageAsFound } from '../../src/want/package-as-found.ts'

const spec: Package = { cpu: { cores: 2 }, memory: { size: '4Gi' }, systemDisk: { size: '40Gi' }, network: { rateMbit: 100 } }
const resolved = { merged: spec, source: { name: 'vps-m', generation: 3, spec } }
const values = {
  cores: '2',
  memory: '4096',
  boot: 'order=scsi0;ide2',
  scsi0: 'local-lvm:vm-1-disk-0,size=40G',
  net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,rate=12.5',
}

describe('the package of a guest that was taken over', () => {
  it("is today's when the guest has what it says", () => expect(packageAsFound(resolved, {}, values)).toBe(resolved))

  it.each<[what: string, seen: Record<string, string>, found: Package]>([
    ['cores', { cores: '1' }, { cpu: { cores: 1 } }],
    ['memory', { memory: 'current=2048' }, { memory: { size: '2Gi' } }],
    ['a smaller disk', { scsi0: 'local-lvm:vm-1-disk-0,size=20G' }, { systemDisk: { size: '20Gi' } }],
    ['speed', { net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0' }, { network: { rateMbit: 0 } }],
  ])('waits when the guest has other %s', (_what, seen, found) => {
    const { source, merged, outdatedBy } = packageAsFound(resolved, {}, { ...values, ...seen })
    expect(source).toMatchObject({ name: 'vps-m', generation: 0, spec: found })
    expect(merged).toMatchObject(found)
    expect(outdatedBy).toBe(3)
  })

  it('lets inline fields win', () =>
    expect(packageAsFound({ ...resolved, merged: { ...spec, cpu: { cores: 4 } } }, { cpu: { cores: 4 } }, values).merged.cpu?.cores).toBe(
      4,
    ))
})
