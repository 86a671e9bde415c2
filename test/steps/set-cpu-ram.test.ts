import { describe, expect, it } from '@jest/globals'
import type { Want } from '../../src/ladder/machine.ts'
import type { Values } from '../../src/ladder/config-step.ts'
import { keepMemory, setCpuRam } from '../../src/steps/set-cpu-ram.ts'
import { seeing, settledValues, wanting, without } from './seen-and-want.ts'
import type { ConfigPatch } from '../../src/ladder/guest-writer.ts'

type Sold = Partial<Pick<Want, 'cpu' | 'memory'>>

const change = (seen: Values, sold: Sold): ConfigPatch => setCpuRam.change({ ...settledValues, ...seen }, wanting(sold))
const nothing: ConfigPatch = { set: {}, remove: [] }
const cpu = { cores: 1, sockets: 1, type: 'x86-64-v2-AES' }
const memory = { sizeMiB: 1024 }

describe('set_cpu_ram', () => {
  it.each<[claim: string, seen: Values, sold: Sold, patch: ConfigPatch]>([
    ['sends nothing when all is so', {}, {}, nothing],
    ['sends only what differs', { cores: '2' }, { cpu: { ...cpu, cores: 4 } }, { set: { cores: '4' }, remove: [] }],
    ['counts sockets apart from cores', {}, { cpu: { ...cpu, sockets: 2 } }, { set: { sockets: '2' }, remove: [] }],
    ['sets the model the guest sees', { cpu: 'host' }, {}, { set: { cpu: 'x86-64-v2-AES' }, remove: [] }],
    ['removes vcpus, which would plug fewer CPUs than are sold', { vcpus: '1' }, {}, { set: {}, remove: ['vcpus'] }],

    ['sets a limit', {}, { cpu: { ...cpu, limit: 1.5 } }, { set: { cpulimit: '1.5' }, remove: [] }],
    ['knows a limit that is there', { cpulimit: '1.5' }, { cpu: { ...cpu, limit: 1.5 } }, nothing],
    ['lifts the limit of a template when none is sold', { cpulimit: '2' }, {}, { set: {}, remove: ['cpulimit'] }],
    ['lifts a limit of 0, which PVE would keep as a key', { cpulimit: '0' }, {}, { set: {}, remove: ['cpulimit'] }],

    ['sets a weight', {}, { cpu: { ...cpu, units: 200 } }, { set: { cpuunits: '200' }, remove: [] }],
    ['wants no more than what cgroup v2 clamps to', { cpuunits: '10000' }, { cpu: { ...cpu, units: 262_144 } }, nothing],
    ['removes the weight of a template', { cpuunits: '50' }, {}, { set: {}, remove: ['cpuunits'] }],

    ['sets memory', { memory: '512' }, {}, { set: { memory: '1024' }, remove: [] }],
    ['reads memory as a property string', { memory: 'current=1024' }, {}, nothing],
    ['keeps the memory of the template when the package names none', { memory: '777' }, { memory: {} }, nothing],

    ['switches ballooning off with 0', {}, { memory: { ...memory, balloonMiB: 0 } }, { set: { balloon: '0' }, remove: [] }],
    ['removes a 0 of the template when nothing is said', { balloon: '0' }, {}, { set: {}, remove: ['balloon'] }],
    ['sets a minimum', { balloon: '0' }, { memory: { ...memory, balloonMiB: 512 } }, { set: { balloon: '512' }, remove: [] }],
  ])('%s', (_claim, seen, sold, patch) => expect(change(seen, sold)).toEqual(patch))

  it('takes keys that are not set for what PVE means by that', () => {
    expect(setCpuRam.change(without(settledValues, 'cores', 'sockets'), wanting())).toEqual(nothing)
  })

  it('says in one sentence what is missing', () => {
    const seen = seeing({ ...settledValues, cores: '2', balloon: '512' })

    expect(setCpuRam.check(seen, wanting())).toEqual({ is: 'missing', message: 'cores 2 → 1, balloon 512 → unset' })
  })
})

describe('a VM with memory hotplug', () => {
  const values = { ...settledValues, hotplug: 'network,disk,memory' }
  const little = wanting({ memory: { sizeMiB: 512 }, cpu: { cores: 2, sockets: 1, type: 'x86-64-v2-AES' } })

  it('keeps its memory where PVE would not start it with less, is told, and takes the rest', () => {
    expect(setCpuRam.change(values, little)).toEqual({ set: { cores: '2' }, remove: [] })
    expect(keepMemory.check(seeing(values), little)).toMatchObject({
      is: 'refused',
      reason: 'PackageInvalid',
      message: expect.stringMatching(/^memory stays as it is instead of 512 MiB: .*qm set 10000 --hotplug network,disk,usb/),
    })
  })

  it('takes what PVE starts it with', () => {
    expect(setCpuRam.change(values, wanting({ memory: { sizeMiB: 2048 } })).set).toEqual({ memory: '2048' })
    expect(keepMemory.check(seeing(values), wanting({ memory: { sizeMiB: 2048 } }))).toEqual({ is: 'satisfied' })
  })
})
