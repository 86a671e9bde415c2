import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../../src/api/package.ts'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { namesOf, renamedHost } from '../../../src/engine/create/host-names.ts'
import { draftOf, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const now = '2026-01-01T00:00:00Z'
const other = (hostname: string, cluster = 'fra1'): ProxmoxVM =>
  aVm({ metadata: { name: 'other', uid: 'uid-2' }, spec: { clusterRef: { name: cluster } }, status: { hostname } })
const naming = (hostname?: string, vmName?: string): Package => ({ naming: { ...(hostname && { hostname }), ...(vmName && { vmName }) } })
const names = (vm: ProxmoxVM, merged: Package = {}, vms: readonly ProxmoxVM[] = [], random?: () => number) =>
  namesOf(quietDependencies({ now, vms, ...(random && { random }) }), vm, vm.status ?? {}, merged, 10042)
const both = (name: string) => ({ hostname: name, vmName: name })

describe('the names of a VM', () => {
  it.each<[claim: string, vm: ProxmoxVM, merged: Package, name: string]>([
    ['are its own host name', aVm({ spec: { hostname: 'web1.example.com' } }), naming('a', 'b'), 'web1.example.com'],
    ['else the host name of the package', aVm(), naming('vps{vmid}', 'b'), 'vps10042'],
    ['else the vmName of the package, which PVE gives the guest', aVm(), naming(undefined, '{namespace}-{name}'), 'customer-7-small'],
    ['else the name of the object', aVm(), {}, 'small'],
    ['are in lower case', aVm({ spec: { hostname: 'WEB1' } }), {}, 'web1'],
  ])('%s', (_claim, vm, merged, name) => expect(names(vm, merged)).toEqual(both(name)))

  it('are kept once they are made', () => {
    const vm = aVm({ status: { hostname: 'vps-abc', vmName: 'vps-abc' } })

    expect(names(vm, naming('vps-{random6}'))).toEqual(both('vps-abc'))
  })

  it('say what is wrong with a pattern', () => {
    expect(names(aVm(), naming('{hostid}'))).toMatchObject({
      is: 'stalled',
      reason: 'NamingInvalid',
      message: expect.stringContaining('{hostid}'),
    })
  })
})

describe('a host name', () => {
  const wanting = aVm({ spec: { hostname: 'web1' } })

  it('is one VM’s in a cluster object', () => {
    expect(names(wanting, {}, [other('web1')])).toEqual({
      is: 'stalled',
      reason: 'HostnameTaken',
      message: 'Host name web1 belongs to customer-7/other; choose another one in spec.hostname or naming.hostname of the package.',
    })
  })

  it('may be another VM’s in another one', () => expect(names(wanting, {}, [other('web1', 'fra2')])).toEqual(both('web1')))

  it('is not taken by the VM itself', () => {
    expect(names(wanting, {}, [aVm({ spec: { hostname: 'web1' }, status: { hostname: 'web1' } })])).toEqual(both('web1'))
  })

  it('that nobody chose may be there twice', () => expect(names(aVm(), {}, [other('small')])).toEqual(both('small')))

  it('is drawn again when a random one is taken', () => {
    let draws = 0
    const random = () => (draws++ === 0 ? 0 : 0.99)

    expect(names(aVm(), naming('vps{random_digit_1}'), [other('vps0')], random)).toEqual(both('vps9'))
  })

  it('is not drawn for ever', () => {
    expect(names(aVm(), naming('vps{random_digit_1}'), [other('vps0')])).toMatchObject({ is: 'stalled', reason: 'HostnameTaken' })
  })

  it('is promised before it is in status, to VMs that are made at once', () => {
    const deps = quietDependencies({ now })
    const promise = (uid: string, vmid: number) => deps.inFlight.note(uid, { cluster: 'fra1', vmid, node: 'pve1', memoryMiB: 0, disks: [] })
    const twin = aVm({ metadata: { uid: 'uid-2', name: 'twin' }, spec: { hostname: 'web1' } })
    promise('uid-1', 10000)
    promise('uid-2', 10001)

    expect(namesOf(deps, wanting, {}, {}, 10000)).toEqual(both('web1'))
    expect(namesOf(deps, twin, {}, {}, 10001)).toMatchObject({ is: 'stalled', reason: 'HostnameTaken' })
    expect(namesOf(deps, wanting, {}, {}, 10000)).toEqual(both('web1'))
  })
})

describe('an edit of the host name', () => {
  const deps = quietDependencies({ now, vms: [other('taken')] })
  const called = (hostname: string | undefined) => aVm({ spec: hostname ? { hostname } : {}, status: { hostname: 'web1', vmName: 'web1' } })

  it('renames the VM', () => expect(renamedHost(deps, draftOf(called('web2')))).toEqual(both('web2')))
  it('is none when only the case differs', () => expect(renamedHost(deps, draftOf(called('WEB1')))).toBeUndefined())
  it('is none when it is taken away', () => expect(renamedHost(deps, draftOf(called(undefined)))).toBeUndefined())
  it('is refused when the name is taken', () =>
    expect(renamedHost(deps, draftOf(called('taken')))).toMatchObject({ reason: 'HostnameTaken' }))
})
