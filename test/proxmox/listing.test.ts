import { describe, expect, it } from '@jest/globals'
import { changedGuests, changedStorages, lacksGuest, listingOf, toggledNodes } from '../../src/proxmox/listing.ts'

const node = (name: string, status = 'online') => ({ type: 'node', node: name, status })
const guest = (vmid: number, o: object = {}) => ({
  type: 'qemu',
  vmid,
  node: 'pve1',
  status: 'running',
  tags: 'a;b',
  name: 'x',
  cpu: 0.5,
  uptime: 1,
  ...o,
})

describe('a listing', () => {
  it('is read whatever types PVE gives its numbers', () => {
    const { guests } = listingOf([{ type: 'qemu', vmid: '100', node: 'pve1', template: '1', maxmem: '1024', lock: 'clone' }], 7)
    expect(guests.get(100)).toEqual({
      vmid: 100,
      node: 'pve1',
      kind: 'qemu',
      status: 'unknown',
      lock: 'clone',
      template: true,
      tags: [],
      maxMemBytes: 1024,
      maxCpu: 0,
      uptimeSeconds: 0,
    })
  })

  it.each<[string, object, boolean]>([
    ['load', { cpu: 0.9, uptime: 99, mem: 5 }, false],
    ['status', { status: 'stopped' }, true],
    ['node', { node: 'pve2' }, true],
    ['lock', { lock: 'backup' }, true],
    ['name', { name: 'y' }, true],
    ['tags', { tags: 'a;c' }, true],
    ['template', { template: 1 }, true],
  ])('a change of %s counts: %s', (_, change, counts) => {
    expect([...changedGuests(listingOf([guest(100)], 0), listingOf([guest(100, change)], 1))]).toEqual(counts ? [100] : [])
  })

  it('tells of guests that appear and vanish, and of all on a node that goes off', () => {
    const before = listingOf([node('pve1'), node('pve2'), guest(100), guest(101), guest(103, { node: 'pve2' })], 0)
    const after = listingOf([node('pve1'), node('pve2', 'offline'), guest(100), guest(102), guest(103, { node: 'pve2' })], 1)
    expect(changedGuests(before, after)).toEqual(new Set([101, 102, 103]))
    expect([...toggledNodes(before, after)]).toEqual(['pve2'])
  })

  it.each<[string, object[], string[]]>([
    ['fills', [{ disk: 9e9 }], []],
    ['has a little more room', [{ disk: 4e9 }], []],
    ['has much more room', [{ disk: 3e9 }], ['local']],
    ['grows', [{ maxdisk: 200e9 }], ['local']],
    ['allows disks', [{ content: 'backup,images' }], ['local']],
    ['is off', [{ status: 'unknown' }], ['local']],
    ['goes', [], ['local']],
    ['comes on another node', [{}, { node: 'pve2' }], ['local']],
  ])('tells of a storage that %s: %#', (_, after, changed) => {
    const storage = (o: object) => ({
      type: 'storage',
      node: 'pve1',
      storage: 'local',
      status: 'available',
      content: 'backup',
      disk: 5e9,
      maxdisk: 100e9,
      ...o,
    })
    const before = listingOf([storage({})], 0)
    expect([...changedStorages(before, listingOf(after.map(storage), 1))]).toEqual(changed)
  })

  it('proves absence only with every node online and begun late enough', () => {
    const rows = [node('pve1'), node('pve2'), guest(100)]
    expect(lacksGuest(listingOf(rows, 10), 101, 10)).toBe(true)
    expect(lacksGuest(listingOf(rows, 9), 101, 10)).toBe(false)
    expect(lacksGuest(listingOf(rows, 10), 100, 10)).toBe(false)
    expect(lacksGuest(listingOf([...rows, node('pve3', 'unknown')], 10), 101, 10)).toBe(false)
    expect(lacksGuest(listingOf([guest(100)], 10), 101, 10)).toBe(false)
  })

  it('of 10,000 guests is compared in a moment', () => {
    const rows = Array.from({ length: 10_000 }, (_, at) => guest(at + 100))
    const before = listingOf(rows, 0)
    const after = listingOf(
      rows.map((row, at) => (at === 5 ? { ...row, status: 'stopped' } : row)),
      1,
    )
    expect([...changedGuests(before, after)]).toEqual([105])
  })
})
