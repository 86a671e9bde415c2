import { describe, expect, it } from '@jest/globals'
import { planChange } from '../../../src/engine/apply/change.ts'
import type { Look } from '../../../src/engine/look.ts'
import type { Want } from '../../../src/ladder/machine.ts'
import { provision } from '../../../src/lifecycle.ts'
import type { Values } from '../../../src/ladder/config-step.ts'
import { seeing, settledValues, wanting } from '../../steps/seen-and-want.ts'

const planned = async (seen: Values, want: Partial<Want>, pending: readonly string[] = []) => {
  const values = { ...settledValues, ...seen }
  const look = { seen: seeing(values, { power: 'running', config: { values, digest: '', pending } }), need: async () => undefined }
  return await planChange(provision, look as unknown as Look, wanting({ fresh: false, ...want }))
}
const { cpu, net } = wanting()

describe('a change of package', () => {
  it.each<[claim: string, seen: Values, want: Partial<Want>, needsStop: boolean]>([
    ['of cores needs a stop', {}, { cpu: { ...cpu, cores: 4 } }, true],
    ['of the CPU model needs a stop', { cpu: 'host' }, {}, true],
    ['of memory needs a stop', {}, { memory: { sizeMiB: 4096 } }, true],
    ['of the limit is live', {}, { cpu: { ...cpu, limit: 1.5, units: 50 } }, false],
    ['of the balloon is live', { balloon: '512' }, { memory: { sizeMiB: 1024, balloonMiB: 256 } }, false],
    ['that switches ballooning off needs a stop', { balloon: '512' }, { memory: { sizeMiB: 1024, balloonMiB: 0 } }, true],
    ['that switches ballooning on needs a stop', { balloon: '0' }, { memory: { sizeMiB: 1024 } }, true],
    ['of the rate is live', {}, { net: { ...net, rateMBps: 12.5 } }, false],
    ['of an option of a disk needs a stop', {}, { systemDisk: { key: 'scsi0', limits: {}, options: { discard: 'on' } } }, true],
    ['of a disk is live', {}, { systemDisk: { key: 'scsi0', sizeMiB: 20_480, limits: { mbps_rd: 1 } } }, false],
  ])('%s', async (_claim, seen, want, needsStop) => expect(await planned(seen, want)).toMatchObject({ needsStop }))

  it('shows the whole difference before anything is done, refusals included', async () => {
    const change = await planned({}, { cpu: { ...cpu, cores: 2 }, systemDisk: { key: 'scsi0', sizeMiB: 1024, limits: {} } })

    expect(change.sentences).toEqual([
      'set_cpu_ram: cores 1 → 2',
      'set_system_disk_size: system disk (scsi0) has 10Gi and does not shrink to 1Gi (refused)',
    ])
  })

  it('does not stop a VM for a disk that only would have to shrink', async () => {
    expect((await planned({}, { systemDisk: { key: 'scsi0', sizeMiB: 1024, limits: {} } })).needsStop).toBe(false)
  })

  it('does not stop the VM for what waited for a stop before', async () =>
    expect(await planned({}, {}, ['cores'])).toMatchObject({ needsStop: false, waits: ['cores'] }))

  it('stops the VM for another address of the spec, and not for one somebody wrote by hand, nor for a gateway', async () => {
    const to = (ipconfig0: string, leaving: string[] = []) =>
      planned({ ipconfig0: 'ip=203.0.113.10/24,gw=203.0.113.1' }, { cloudInit: { ipconfig0 }, leaving })

    expect(await to('ip=203.0.113.15/24,gw=203.0.113.1', ['203.0.113.10'])).toMatchObject({ needsStop: true, givesAddresses: true })
    expect(await to('ip=203.0.113.15/24,gw=203.0.113.1')).toMatchObject({ needsStop: false, givesAddresses: false })
    expect(await to('ip=203.0.113.10/24,gw=203.0.113.254')).toMatchObject({ needsStop: false, givesAddresses: false })
    expect(await to('ip=203.0.113.10/24,gw=203.0.113.1,ip6=2001:db8::5/64')).toMatchObject({ needsStop: true, givesAddresses: true })
  })
})
