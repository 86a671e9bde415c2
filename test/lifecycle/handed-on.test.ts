import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventsOf } from '../manual/seen.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

/** Built by packer: a second NIC on the build network, an e1000 with an MTU beside it, a snippet of the site. */
const template = {
  vmid: 9100,
  node: 'pve1',
  config: {
    template: '1',
    name: 'from-packer',
    scsi0: 'local-lvm:base-9100-disk-0,size=10G',
    ide2: 'local-lvm:vm-9100-cloudinit,media=cdrom,size=4M',
    boot: 'order=scsi0',
    memory: '1024',
    ostype: 'win11',
    ciuser: 'Administrator',
    cicustom: 'user=local:snippets/site.yaml,vendor=local:snippets/agent.yaml',
    net0: 'e1000=BC:24:11:00:91:00,bridge=vmbr1',
    net1: 'virtio=BC:24:11:00:91:01,bridge=vmbr99,tag=4000',
    ipconfig1: 'ip=10.99.0.5/24',
  },
}

let world: TestWorld
beforeAll(async () => {
  world = await TestWorld.start({ scenario: { templates: [], guests: [template] } })
})
afterAll(() => world.stop())

describe('a template built by packer', () => {
  it('hands on its network card and its Windows login, and neither the build network nor the snippet that replaces user data', async () => {
    const vm = await world.born('from-packer', { template: { name: 'from-packer' }, runStrategy: 'Halted' })
    const { config } = world.guestOf(vm)

    expect(config.get('net0')).toMatch(/^e1000=BC:24:11:/)
    expect(config.get('net1')).toBeUndefined()
    expect(config.get('ipconfig1')).toBeUndefined()
    expect(config.get('ciuser')).toBe('Administrator')
    expect(config.get('cicustom')).toBe('vendor=local:snippets/agent.yaml')

    const told = 'not taken from template from-packer: net1 (virtio on vmbr99, VLAN 4000), snippet user=local:snippets/site.yaml'
    expect(vm.status?.history?.filter(({ message }) => message === told)).toHaveLength(1)
    const event = await until('the Event is there', async () => {
      const all = await eventsOf(world, 'from-packer')
      return all.find(({ reason }) => reason === 'NotHandedOn')
    })
    expect(event.note).toBe(told)
  })
})
