import { describe, expect, it } from '@jest/globals'
import type { Want } from '../../src/ladder/machine.ts'
import type { Values } from '../../src/ladder/config-step.ts'
import { identity } from '../../src/steps/identity.ts'
import { settledValues, wanting } from './seen-and-want.ts'
import { carriesMark, markOf } from '../../src/ladder/mark.ts'
import type { ConfigPatch } from '../../src/ladder/guest-writer.ts'

const change = (seen: Values, want: Partial<Want>) => identity.change({ ...settledValues, ...seen }, wanting(want))
const nothing: ConfigPatch = { set: {}, remove: [] }
const set = (values: Values): ConfigPatch => ({ set: values, remove: [] })
const { mark, description } = wanting()

describe('identity', () => {
  it.each<[claim: string, seen: Values, want: Partial<Want>, patch: ConfigPatch]>([
    ['sends nothing when all is so', {}, {}, nothing],
    ['names the VM', { name: 'Copy-of-VM-debian-13' }, {}, set({ name: 'small' })],
    ['starts it with its node', { onboot: '0' }, {}, set({ onboot: '1' })],
    ['does not start one that is kept off', { onboot: '1' }, { onboot: false }, set({ onboot: '0' })],
    ['clears the protection of a template', { protection: '1' }, {}, set({ protection: '0' })],
    ['leaves a protection alone that an admin set later', { protection: '1' }, { fresh: false }, nothing],
  ])('%s', (_claim, seen, want, patch) => expect(change(seen, want)).toEqual(patch))

  it.each<[claim: string, tags: string, fresh: boolean, patch: ConfigPatch]>([
    ['drops the tags of a template', 'debian;pve-operator', true, set({ tags: 'pve-operator' })],
    ['lets an admin add tags later', 'gold,pve-operator', false, nothing],
    ['puts its own back beside those of an admin', 'gold;silver', false, set({ tags: 'gold;silver;pve-operator' })],
    ['tags a VM without any', '', true, set({ tags: 'pve-operator' })],
  ])('%s', (_claim, tags, fresh, patch) => expect(change({ tags }, { fresh })).toEqual(patch))

  it.each<[claim: string, text: string, patch: ConfigPatch]>([
    ['marks the VM', 'the golden template', set({ description })],
    ['keeps what an admin writes around the mark', `Call Anna first.\n${mark}\n\nticket 8841`, nothing],
    ['keeps an admin text with the line ends of a browser', `note\r\n${mark}\r\n`, nothing],
    ['marks a copy of another VM of ours', description.replace('vmid=10000', 'vmid=10007'), set({ description })],
  ])('%s', (_claim, text, patch) => expect(change({ description: text }, {})).toEqual(patch))
})

describe('tags', () => {
  it.each(['a;pve-operator', 'pve-operator;a', 'a, pve-operator', 'pve-operator a'])('are a set, however PVE joins them: %j', (tags) => {
    expect(change({ tags }, { tags: ['pve-operator', 'a'] })).toEqual(nothing)
  })
})

describe('the mark', () => {
  it.each<[claim: string, text: string | undefined, carries: boolean]>([
    ['is a line of its own', `a\n${markOf('u', 100)}\nb`, true],
    ['is of one VMID only', markOf('u', 1000), false],
    ['is of one object only', markOf('v', 100), false],
    ['is not part of a longer line', `was ${markOf('u', 100)}`, false],
    ['is not there without a description', undefined, false],
  ])('%s', (_claim, text, carries) => expect(carriesMark(text, markOf('u', 100))).toBe(carries))
})
