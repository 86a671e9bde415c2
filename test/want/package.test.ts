import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../src/api/package.ts'
import { resolvePackage, resolveWire, type Resolved } from '../../src/want/package.ts'
import { aPackage, aVm } from '../engine/vms.ts'

const named = (name: string, inline: Package = {}) => aVm({ spec: { packageRef: { name }, package: inline } })
const recorded = (cores: number, generation = 1, name = 'vps-m') => ({ packageSource: { name, generation, spec: { cpu: { cores } } } })

describe('the package in force', () => {
  it('is the inline one where no VMPackage is named', () => {
    expect(resolvePackage(aVm({ spec: { package: { cpu: { cores: 3 } } } }), {}, undefined, true)).toEqual({
      merged: { cpu: { cores: 3 } },
    })
  })

  it('is taken from the VMPackage the first time, without what is not the package', () => {
    const found = aPackage({ cpu: { cores: 2 }, allowedNamespaces: { from: 'All' } }, 4)

    expect(resolvePackage(named('vps-m', { memory: { size: '1Gi' } }), {}, found, true)).toEqual({
      merged: { cpu: { cores: 2 }, memory: { size: '1Gi' } },
      source: { name: 'vps-m', generation: 4, spec: { cpu: { cores: 2 } } },
    })
  })

  it('stays the recorded one when the VMPackage is edited, and says that it is outdated', () => {
    const resolved = resolvePackage(named('vps-m'), recorded(2), aPackage({ cpu: { cores: 8 } }, 2), true) as Resolved

    expect(resolved.merged).toEqual({ cpu: { cores: 2 } })
    expect(resolved.outdatedBy).toBe(2)
  })

  it('takes inline edits over the recorded one', () => {
    const resolved = resolvePackage(named('vps-m', { cpu: { cores: 5 } }), recorded(2), aPackage({ cpu: { cores: 2 } }), true) as Resolved

    expect(resolved.merged).toEqual({ cpu: { cores: 5 } })
    expect(resolved).not.toHaveProperty('outdatedBy')
  })

  it('is read from status.package where a later version of the operator keeps only one copy of it', () => {
    const status = { package: { cpu: { cores: 2 } }, packageSource: { name: 'vps-m', generation: 1 } }
    const resolved = resolvePackage(
      named('vps-m', { memory: { size: '2Gi' } }),
      status,
      aPackage({ cpu: { cores: 8 } }, 1),
      true,
    ) as Resolved

    expect(resolved.merged).toEqual({ cpu: { cores: 2 }, memory: { size: '2Gi' } })
    expect(resolved.source).toEqual({ name: 'vps-m', generation: 1, spec: { cpu: { cores: 2 } } })
  })

  it('changes with packageRef', () => {
    const resolved = resolvePackage(named('vps-l'), recorded(2), aPackage({ cpu: { cores: 8 } }, 7, 'vps-l'), true) as Resolved

    expect(resolved.source).toEqual({ name: 'vps-l', generation: 7, spec: { cpu: { cores: 8 } } })
  })

  it('outlives the VMPackage, and a namespace that is no longer served', () => {
    expect(resolvePackage(named('vps-m'), recorded(2), undefined, true)).toMatchObject({ merged: { cpu: { cores: 2 } } })
    expect(resolvePackage(named('vps-m'), recorded(2), aPackage({}), false)).toMatchObject({ merged: { cpu: { cores: 2 } } })
  })

  it.each([
    ['is missed by name', undefined, true, 'PackageNotFound', /no VMPackage "vps-m"/],
    ['is refused to a namespace it does not serve', aPackage({}), false, 'PackageNotAllowed', /does not serve namespace customer-7/],
    [
      'is refused when the merged result does not work',
      aPackage({ additionalDisks: [{ name: 'd' }] }),
      true,
      'PackageInvalid',
      /"d" has no size/,
    ],
  ])('%s', (_claim, found, isAllowed, reason, why) => {
    expect(resolvePackage(named('vps-m'), {}, found, isAllowed)).toMatchObject({
      is: 'stalled',
      reason,
      message: expect.stringMatching(why),
    })
  })
})

describe('bridge and VLAN', () => {
  const pool = (name: string, wire: { bridge?: string; vlan?: number } = {}) => ({ pool: name, ...wire })
  const template = { bridge: 'vmbr9', vlan: 9 }

  it.each([
    [
      'come from the package',
      { bridge: 'vmbr1', vlan: 300 },
      [pool('a', { bridge: 'vmbr0', vlan: 120 })],
      template,
      { bridge: 'vmbr1', vlan: 300 },
    ],
    ['else from the pool of the first address', {}, [pool('a', { bridge: 'vmbr0', vlan: 120 })], template, { bridge: 'vmbr0', vlan: 120 }],
    ['else from the template', {}, [pool('a')], template, { bridge: 'vmbr9', vlan: 9 }],
    [
      'pass over pools that say nothing',
      {},
      [pool('v6'), pool('a', { bridge: 'vmbr0', vlan: 120 })],
      template,
      { bridge: 'vmbr0', vlan: 120 },
    ],
    [
      'a VLAN of 0 is untagged, whatever the pool says',
      { vlan: 0 },
      [pool('a', { bridge: 'vmbr0', vlan: 120 })],
      template,
      { bridge: 'vmbr0' },
    ],
    ['a pool without a VLAN is untagged', {}, [pool('a', { bridge: 'vmbr0' })], template, { bridge: 'vmbr0' }],
    ['the VLAN of the template does not go with another bridge', { bridge: 'vmbr1' }, [], template, { bridge: 'vmbr1' }],
    [
      '0 and no VLAN are no disagreement',
      {},
      [pool('a', { bridge: 'vmbr0', vlan: 0 }), pool('b', { bridge: 'vmbr0' })],
      template,
      { bridge: 'vmbr0' },
    ],
    [
      'the package settles what pools disagree about',
      { bridge: 'vmbr1', vlan: 1 },
      [pool('a', { bridge: 'x' }), pool('b', { bridge: 'y' })],
      template,
      { bridge: 'vmbr1', vlan: 1 },
    ],
  ])('%s', (_claim, network, grants, of, wire) => expect(resolveWire({ network }, grants, of)).toEqual(wire))

  it.each([
    [
      'pools on different bridges',
      {},
      [pool('a', { bridge: 'vmbr0' }), pool('b', { bridge: 'vmbr1' })],
      'PoolsDisagree',
      /Pool a is on vmbr0, pool b on vmbr1/,
    ],
    ['pools in different VLANs', { bridge: 'vmbr0' }, [pool('a', { vlan: 1 }), pool('b', { vlan: 2 })], 'PoolsDisagree', /VLAN 1.*VLAN 2/],
    ['DHCP without a bridge', {}, [], 'BridgeRequired', /the package must name the bridge/],
  ])('are refused to %s', (_claim, network, grants, reason, why) => {
    expect(resolveWire({ network }, grants, template)).toMatchObject({ is: 'stalled', reason, message: expect.stringMatching(why) })
  })

  it('are asked for where nobody names a bridge', () => {
    expect(resolveWire({}, [pool('a')], undefined)).toMatchObject({ is: 'stalled', reason: 'BridgeRequired' })
  })
})
