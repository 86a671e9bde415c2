import { describe, expect, it } from '@jest/globals'
import type { ClusterFacts } from '../../../src/cluster/facts.ts'
import { tagAccessOf } from '../../../src/cluster/tag-access.ts'
import { objectionToTags } from '../../../src/engine/create/tag-objection.ts'

type Cluster = Parameters<typeof objectionToTags>[1]

/** What a PVE with these options says of a template with those tags. */
const told = (options: object, tags = '', spec: object = {}) => {
  const tagAccess = tagAccessOf(options as never)
  const cluster = { name: 'fra1', spec, facts: () => ({ tagAccess }) as unknown as ClusterFacts } as unknown as Cluster
  return objectionToTags({ vmid: 9000, config: { tags } } as never, cluster)
}
const list = (allowed: string[], more: object = {}) => ({ 'user-tag-access': { 'user-allow': 'list' }, 'allowed-tags': allowed, ...more })

describe('tags that PVE restricts', () => {
  it('hold up a VM before the clone, with what to write instead', () => {
    expect(told(list(['web']))).toEqual({
      is: 'stalled',
      reason: 'PermissionDenied',
      message:
        'PVE does not let the token set or remove the tag "pve-operator", which every VM gets (user-tag-access and registered-tags in datacenter.cfg). Write tags: None into ProxmoxCluster fra1, or an admin allows the tag: Datacenter, Options, User Tag Access.',
    })
    expect(told({ 'registered-tags': ['pve-operator'] })).toMatchObject({ reason: 'PermissionDenied' })
  })

  it('hold up one whose template has a registered tag, which the VM is not to keep', () => {
    expect(told({ 'registered-tags': ['gold'] }, 'gold;linux')).toMatchObject({
      message: expect.stringContaining('the tag "gold", which template 9000 has'),
    })
    expect(told(list(['pve-operator']), 'linux')).toMatchObject({ message: expect.stringContaining('"linux"') })
  })

  it.each<[string, ReturnType<typeof told>]>([
    ['nothing is restricted', told({ 'allowed-tags': ['web'] }, 'linux')],
    ['our tag is allowed', told(list(['pve-operator', 'linux']), 'linux')],
    ['only other tags are registered', told({ 'registered-tags': ['gold'] }, 'linux')],
    ['tags are not ours to set', told(list([]), 'gold', { tags: 'None' })],
  ])('hold up nobody where %s', (_, answer) => expect(answer).toBeUndefined())
})
