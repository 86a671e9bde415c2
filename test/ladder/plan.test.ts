import { describe, expect, it } from '@jest/globals'
import { localStatuses } from '../../src/api/words.ts'
import type { Part, Seen, Want } from '../../src/ladder/machine.ts'
import { planCarefully, planNext, rungReached, type Looking } from '../../src/ladder/plan.ts'
import type { Step } from '../../src/ladder/step.ts'
import { provision } from '../../src/lifecycle.ts'
import { seeing, settledValues, wanting, wantingDisk, wantingFirewall } from '../steps/seen-and-want.ts'
import { progressOf } from '../../src/api/progress.ts'

/** A look at what is there, and which parts were asked for. */
function looking(seen: Seen): Looking & { readonly asked: Part[] } {
  const asked: Part[] = []
  return { seen, asked, need: async (part) => void asked.push(part) }
}
const running = wanting({ power: 'running' })
const plan = async (seen: Seen, want: Want) => await planNext(provision, looking(seen), want)

/** What makes each step the first that is missing. */
const missing: Record<string, { seen?: Seen; want: Want }> = {
  identity: { want: wanting({ name: 'other' }) },
  set_cpu_ram: { want: wanting({ memory: { sizeMiB: 2048 } }) },
  set_system_disk_size: { want: wanting({ systemDisk: { key: 'scsi0', sizeMiB: 20_480, limits: {} } }) },
  set_system_disk_bandwidth: { want: wanting({ systemDisk: { key: 'scsi0', limits: { mbps_rd: 1 } } }) },
  set_created_additional_disk: { want: wanting({ additionalDisks: [wantingDisk()] }) },
  set_additional_disk_size: {
    seen: seeing({ ...settledValues, scsi1: 'local-lvm:a,size=1G' }),
    want: wanting({ additionalDisks: [wantingDisk()] }),
  },
  keep_disk_sizes: {
    seen: seeing(settledValues, {
      config: {
        values: { ...settledValues, scsi0: 'local-lvm:vm-10000-disk-0,cache=none,size=10G' },
        digest: '',
        pending: ['scsi0'],
        inForce: { scsi0: 'local-lvm:vm-10000-disk-0,size=20G' },
      },
    }),
    want: running,
  },
  set_additional_disk_bandwidth: {
    seen: seeing({ ...settledValues, scsi1: 'local-lvm:a,size=100G' }),
    want: wanting({ additionalDisks: [wantingDisk({ limits: { iops_rd: 1 } })] }),
  },
  set_network: { want: wanting({ net: { ...running.net, vlan: 7 } }) },
  set_firewall: { want: wanting({ firewall: wantingFirewall({ ipfilter: ['203.0.113.10'] }) }) },
  put_back_network: { want: wanting({ furtherCards: [{ key: 'net1', value: 'virtio=BC:24:11:00:00:02,bridge=vmbr1' }] }) },
  put_back_firewall: {
    seen: seeing(settledValues, { foreignFirewall: { aliases: [], sets: [], rules: [] } }),
    want: wanting({ foreignFirewall: { aliases: [{ name: 'office', cidr: '198.51.100.7' }], sets: [], rules: [] } }),
  },
  set_cloudinit: { want: wanting({ cloudInit: { ...running.cloudInit, ciuser: 'admin' } }) },
  stop: {
    seen: seeing(settledValues, { config: { values: settledValues, digest: '', pending: ['cores'] }, power: 'running' }),
    want: wanting({ mayStop: true }),
  },
  start: { want: running },
}

describe('the plan', () => {
  it.each(provision.map((step) => [step.name, step] as const))('is %s when that is the first that is missing', async (name, step: Step) => {
    const { seen = seeing(), want } = missing[name] ?? { want: running }
    const next = await plan(seen, want)

    expect(next.is === 'rest' ? 'rest' : next.step.name).toBe(name)
    const before = localStatuses[localStatuses.indexOf(step.rung) - 1]
    expect(rungReached(next)).toBe(step.name === 'identity' ? 'clone' : before)
  })

  it('is to rest when nothing is missing', async () => {
    const next = await plan(seeing(settledValues, { power: 'running' }), running)

    expect(next).toEqual({ is: 'rest', refusals: [] })
    expect(rungReached(next)).toBe('ready')
  })

  it('puts all that is missing in the configuration into one request, the limits of a new disk included', async () => {
    const next = await plan(
      seeing({ ...settledValues, name: 'copy' }),
      wanting({ additionalDisks: [wantingDisk({ limits: { iops_rd: 1 } })], cloudInit: { ...running.cloudInit, ciuser: 'a' } }),
    )

    expect(next).toMatchObject({
      is: 'config',
      patch: { set: { name: 'small', scsi1: 'local-lvm:100,iops_rd=1', ciuser: 'a' }, remove: [] },
      because: 'identity: name copy → small; set_created_additional_disk: scsi1 unset → local-lvm:100; set_cloudinit: ciuser unset → a',
    })
  })

  it('goes on behind what is refused, and tells of it', async () => {
    const next = await plan(seeing(), wanting({ systemDisk: { key: 'scsi0', sizeMiB: 1024, limits: {} }, power: 'running' }))

    expect(next).toMatchObject({ is: 'step', step: { name: 'start' } })
    expect(next.refusals.map(({ step, verdict }) => [step.name, verdict.is])).toEqual([['set_system_disk_size', 'refused']])
  })

  it('looks no further than it must', async () => {
    const look = looking(seeing())
    await planNext(provision, look, wanting({ name: 'other' }))

    expect(new Set(look.asked)).toEqual(new Set(['config']))
  })
})

describe('progress', () => {
  it.each([
    ['creation', '1/12'],
    ['clone', '2/12'],
    ['ready', '12/12'],
  ] as const)('at %s is %s', (rung, progress) => expect(progressOf(rung)).toBe(progress))
})

describe('the plan after a refusal', () => {
  const logs = wantingDisk({ name: 'logs', key: 'scsi2' })
  const two = wanting({ memory: { sizeMiB: 2048 }, additionalDisks: [wantingDisk(), logs] })
  const carefully = async (left: readonly string[]) =>
    await planCarefully(provision, looking(seeing()), two, (_, subject) => left.includes(subject))

  it('has one request for each subject', async () => {
    expect(await carefully([])).toMatchObject({ is: 'config', of: { name: 'CPU and memory' }, patch: { set: { memory: '2048' } } })
    expect((await carefully(['CPU and memory'])).of?.name).toBe('disk data')
  })

  it('passes over what was refused and goes on with the rest', async () => {
    const next = await carefully(['CPU and memory', 'disk data'])

    expect(next).toMatchObject({ is: 'config', of: { name: 'disk logs' }, patch: { set: { scsi2: 'local-lvm:100' }, remove: [] } })
    expect(await carefully(['CPU and memory', 'disk data', 'disk logs'])).toMatchObject({ is: 'step', because: 'power stopped → running' })
  })
})
