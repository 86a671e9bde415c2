import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import { differencesOf } from '../../../src/engine/adopt/compare.ts'
import { isConfigStep, mergedChange, type Values } from '../../../src/ladder/config-step.ts'
import { isEmpty } from '../../../src/ladder/guest-writer.ts'
import type { Want } from '../../../src/ladder/machine.ts'
import { provision } from '../../../src/lifecycle.ts'
import { withAsFound } from '../../../src/want/as-found.ts'
import { seeing, settledValues, wanting, wantingDisk, wantingFirewall } from '../../steps/seen-and-want.ts'

const vm = (spec: object = {}): ProxmoxVM =>
  ({ apiVersion: '', kind: 'ProxmoxVM', metadata: { name: 'small' }, spec: { runStrategy: 'Once', ...spec } }) as unknown as ProxmoxVM
const taken: Partial<Want> = { fresh: false, power: 'left-alone' }
const compared = (values: Values, want: Partial<Want>, spec: object = {}, power: 'running' | 'stopped' = 'running') =>
  Object.fromEntries(
    differencesOf(vm(spec), seeing(values, { power }), wanting({ ...taken, ...want })).map(({ field, found, wanted, applies }) => [
      field,
      [found, wanted, applies],
    ]),
  )
/** What all config steps together would write. */
const patchFor = (values: Values, want: Want) => mergedChange(provision.filter(isConfigStep), values, want)

describe('what differs between a guest and its spec', () => {
  it('is nothing for a guest that is as the spec says', () => {
    expect(compared(settledValues, {})).toEqual({})
  })

  it('is told option by option, with how the change would reach the guest', () => {
    const values = { ...settledValues, memory: '8192', cores: '4', net0: 'e1000=BC:24:11:00:00:01,bridge=vmbr1,rate=5,queues=2' }
    expect(compared(values, { net: { ...wanting().net, rateMBps: 12.5 } })).toEqual({
      memory: ['8192', '1024', 'Restart'],
      cores: ['4', '1', 'Restart'],
      'net0.model': ['e1000', 'virtio', 'Live'],
      'net0.bridge': ['vmbr1', 'vmbr0', 'Live'],
      'net0.rate': ['5', '12.5', 'Live'],
    })
    expect(compared(values, {}, {}, 'stopped')['memory']).toEqual(['8192', '1024', 'Live'])
  })

  it('counts a shrink as what will not be done, a disk that is not there as one to be made, and growth as live', () => {
    const want = { systemDisk: { key: 'scsi0', sizeMiB: 5 * 1024, limits: { mbps_rd: 100 } }, additionalDisks: [wantingDisk()] }
    expect(compared(settledValues, want)).toEqual({
      'scsi0.size': ['10Gi', '5Gi', 'Never'],
      'scsi0.mbps_rd': [undefined, '100', 'Live'],
      'disk.data': [undefined, 'local-lvm:100', 'Live'],
    })
    expect(compared(settledValues, { systemDisk: { key: 'scsi0', sizeMiB: 20 * 1024, limits: {} } })).toEqual({
      'scsi0.size': ['10Gi', '20Gi', 'Live'],
    })
  })

  it('names firewall options, our rules and the set as three things', () => {
    const firewall = wantingFirewall({
      options: { ...wantingFirewall().options, enable: '1' },
      rules: [{ type: 'in', action: 'ACCEPT', comment: 'pve.hosting/rule=ssh' }],
      ipfilter: ['203.0.113.9'],
    })
    expect(Object.keys(compared(settledValues, { firewall }))).toEqual(['firewall.enable', 'firewall.rules', 'firewall.ipfilter'])
  })

  it('never has a password in it, and tells one that would be generated', () => {
    const cloudInit = { ...wanting().cloudInit, cipassword: 'hunter2' }
    const told = compared(settledValues, { cloudInit, passwordVersion: 'uid/7' })
    expect(told).toEqual({ cipassword: [undefined, 'Secret uid/7', 'Restart'] })
    expect(compared({ ...settledValues, cipassword: '**********' }, {}, { cloudInit: { generatePassword: true } })).toEqual({
      cipassword: ['(secret)', 'generated', 'Restart'],
    })
  })

  it('has the power of a guest that the spec wants on or off, unless a suspension says so', () => {
    expect(compared(settledValues, { power: 'running' }, {}, 'stopped')).toEqual({ power: ['stopped', 'running', 'Live'] })
    expect(compared(settledValues, { power: 'stopped' }, { suspensions: [{ by: 'billing', reason: 'x' }] })).toEqual({})
  })

  it('leaves a guest without a name without one', () => {
    const { name: _, ...nameless } = settledValues
    expect(compared(nameless, {})).toEqual({ name: [undefined, 'small', 'Restart'] })
  })
})

describe('what stays as found', () => {
  const guests = fc.record({
    cores: fc.constantFrom('1', '2', '8'),
    memory: fc.constantFrom('512', '1024', 'current=4096'),
    cpulimit: fc.constantFrom('0', '1.5'),
    vcpus: fc.constantFrom('1', '4'),
    net0: fc.constantFrom(
      'virtio=BC:24:11:00:00:01,bridge=vmbr0',
      'e1000=00:16:3E:00:00:01,bridge=vmbr1,tag=7,rate=3,firewall=1',
      'virtio=BC:24:11:00:00:01,bridge=vmbr0,mtu=1400',
    ),
    scsi0: fc.constantFrom('local-lvm:vm-1-disk-0,size=10G', 'ceph:vm-1-disk-0,cache=writeback,iops_rd=9,mbps=5,size=50G'),
    ipconfig0: fc.constantFrom('ip=dhcp', 'ip=203.0.113.9/24,gw=203.0.113.1'),
    ciuser: fc.constantFrom('root', 'debian'),
    onboot: fc.constantFrom('0', '1'),
    cicustom: fc.constantFrom('user=local:snippets/u.yaml', 'vendor=local:snippets/v.yaml'),
  })
  const wishes = fc.record({
    cpu: fc.constantFrom({ cores: 2, sockets: 1 }, { cores: 4, sockets: 2, limit: 2, units: 50 }),
    memory: fc.constantFrom({ sizeMiB: 2048 }, { sizeMiB: 4096, balloonMiB: 1024 }),
    net: fc.constantFrom(wanting().net, { ...wanting().net, vlan: 9, rateMBps: 10, firewall: true }),
    systemDisk: fc.constantFrom({ key: 'scsi0', limits: {} }, { key: 'scsi0', sizeMiB: 20_480, limits: { iops_rd: 100, mbps_wr: 5 } }),
  })

  it('is all that was found, whatever guest and spec are: nothing is written to its configuration', () => {
    fc.assert(
      fc.property(guests, wishes, (guest, wish) => {
        const values = { ...settledValues, ...guest }
        const want = wanting({ ...taken, ...wish })
        const fields = new Set(differencesOf(vm(), seeing(values, { power: 'running' }), want).map(({ field }) => field))
        expect(isEmpty(patchFor(values, withAsFound(want, fields)))).toBe(true)
      }),
    )
  })

  it('is no longer a field that the spec says otherwise: that one is written, and no other', () => {
    fc.assert(
      fc.property(guests, wishes, (guest, wish) => {
        const values = { ...settledValues, ...guest }
        const want = wanting({ ...taken, ...wish })
        const fields = new Set(differencesOf(vm(), seeing(values, { power: 'running' }), want).map(({ field }) => field))
        fields.delete('net0.rate')
        const later = { ...want, net: { ...want.net, rateMBps: 77 } }
        const patch = patchFor(values, withAsFound(later, fields))
        expect(Object.keys(patch.set)).toEqual(['net0'])
        expect(patch.remove).toEqual([])
        const rateless = (text: string | undefined) => new Set(text?.split(',').filter((part) => !part.startsWith('rate=')))
        expect(rateless(patch.set['net0'])).toEqual(rateless(values.net0))
        expect(patch.set['net0']).toContain('rate=77')
      }),
    )
  })
})
