import { describe, expect, it } from '@jest/globals'
import type { WantedNet } from '../../src/ladder/machine.ts'
import type { Values } from '../../src/ladder/config-step.ts'
import { setNetwork } from '../../src/steps/set-network.ts'
import { settledValues, wanting, without } from './seen-and-want.ts'

const mac = 'BC:24:11:00:00:01'

/** An undefined model is absent. */
type Overlay = Partial<Omit<WantedNet, 'model'>> & { model?: string | undefined }
function laidOver({ model = 'virtio', ...net }: Overlay, isAbsent = false): WantedNet {
  const { model: _, ...usual } = wanting().net
  return { ...usual, ...net, ...(!isAbsent && { model }) }
}

/** What is sent for net0; undefined: nothing. */
function sent(net0: string, net: Overlay = {}, fresh = true): string | undefined {
  const values: Values = { ...settledValues, net0 }
  return setNetwork.change(values, wanting({ fresh, net: laidOver(net, 'model' in net && net.model === undefined) })).set['net0']
}

describe('set_network', () => {
  it.each<[claim: string, seen: string, want: Overlay, sent: string | undefined]>([
    ['sends nothing when all is so', `virtio=${mac},bridge=vmbr0`, {}, undefined],
    ['compares the MAC whatever its case', `virtio=${mac.toLowerCase()},bridge=vmbr0`, {}, undefined],
    ['reads the long spelling', `model=virtio,macaddr=${mac},bridge=vmbr0`, {}, undefined],
    ['does not care for the order of options', `virtio=${mac},tag=120,bridge=vmbr0`, { vlan: 120 }, undefined],
    ['takes firewall=0 for no firewall', `virtio=${mac},bridge=vmbr0,firewall=0`, {}, undefined],
    ['puts our MAC in place of the one PVE made up', 'virtio=BC:24:11:FF:FF:FF,bridge=vmbr0', {}, `virtio=${mac},bridge=vmbr0`],
    ['moves to another bridge', `virtio=${mac},bridge=vmbr9`, {}, `virtio=${mac},bridge=vmbr0`],
    ['keeps the model of the template', `e1000=${mac},bridge=vmbr9`, { model: undefined }, `e1000=${mac},bridge=vmbr0`],
    ['changes the model and keeps the MAC', `e1000=${mac},bridge=vmbr0`, {}, `virtio=${mac},bridge=vmbr0`],
    ['drops the MTU with the model that had it', `virtio=${mac},bridge=vmbr0,mtu=1`, { model: 'e1000' }, `e1000=${mac},bridge=vmbr0`],
    ['sends no MTU to a card that has none', `e1000=${mac},bridge=vmbr0`, { model: undefined, mtu: 1500 }, undefined],
    ['sets a VLAN', `virtio=${mac},bridge=vmbr0`, { vlan: 120 }, `virtio=${mac},bridge=vmbr0,tag=120`],
    ['untags what the template tagged', `virtio=${mac},bridge=vmbr0,tag=7`, {}, `virtio=${mac},bridge=vmbr0`],
    ['writes a rate in megabytes, with decimals', `virtio=${mac},bridge=vmbr0`, { rateMBps: 12.5 }, `virtio=${mac},bridge=vmbr0,rate=12.5`],
    ['knows a rate that PVE writes with more zeros', `virtio=${mac},bridge=vmbr0,rate=12.50`, { rateMBps: 12.5 }, undefined],
    ['lifts the rate of a template', `virtio=${mac},bridge=vmbr0,rate=5`, {}, `virtio=${mac},bridge=vmbr0`],
    ['sets an MTU', `virtio=${mac},bridge=vmbr0`, { mtu: 1 }, `virtio=${mac},bridge=vmbr0,mtu=1`],
    ['keeps the MTU of the template', `virtio=${mac},bridge=vmbr9,mtu=1`, {}, `virtio=${mac},bridge=vmbr0,mtu=1`],
    ['removes an MTU', `virtio=${mac},bridge=vmbr0,mtu=9000`, { mtu: 0 }, `virtio=${mac},bridge=vmbr0`],
    ['puts the NIC behind the firewall', `virtio=${mac},bridge=vmbr0`, { firewall: true }, `virtio=${mac},bridge=vmbr0,firewall=1`],
    ['takes it from behind the firewall', `virtio=${mac},bridge=vmbr0,firewall=1`, {}, `virtio=${mac},bridge=vmbr0`],
    ['never lets trunks through', `virtio=${mac},bridge=vmbr0,trunks=10;20`, {}, `virtio=${mac},bridge=vmbr0`],
    ['keeps the queues of the template', `virtio=${mac},bridge=vmbr9,queues=4`, {}, `virtio=${mac},bridge=vmbr0,queues=4`],
    ['plugs in the cable a template had pulled', `virtio=${mac},bridge=vmbr0,link_down=1`, {}, `virtio=${mac},bridge=vmbr0`],
  ])('%s', (_claim, seen, want, expected) => expect(sent(seen, want)).toBe(expected))

  it('leaves the cable pulled that an admin pulled on a VM in use', () => {
    expect(sent(`virtio=${mac},bridge=vmbr0,link_down=1`, {}, false)).toBeUndefined()
    expect(sent(`virtio=${mac},bridge=vmbr9,link_down=1`, {}, false)).toBe(`virtio=${mac},bridge=vmbr0,link_down=1`)
  })

  it('gives a VM without a NIC one', () => {
    const { model: _, ...net } = wanting().net
    expect(setNetwork.change(without(settledValues, 'net0'), wanting({ net })).set).toEqual({ net0: `virtio=${mac},bridge=vmbr0` })
  })

  it('removes the further NICs of a template, and never one of a VM in use', () => {
    const values = { ...settledValues, net1: 'virtio=BC:24:11:00:00:02,bridge=vmbr99,tag=4000', net12: 'e1000=BC:24:11:00:00:03' }

    expect(setNetwork.change(values, wanting({ fresh: true })).remove).toEqual(['net1', 'net12'])
    expect(setNetwork.change(values, wanting({ fresh: false })).remove).toEqual([])
  })
})
