import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../../src/api/package.ts'
import type { ProxmoxVMSpec, ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import { markReady } from '../../../src/engine/apply/ready.ts'
import { refused } from '../../../src/ladder/step.ts'
import type { Resolved } from '../../../src/want/package.ts'
import { setSystemDiskSize } from '../../../src/steps/system-disk.ts'
import { seeing, settledValues, wanting, wantingFirewall } from '../../steps/seen-and-want.ts'
import { quietDependencies, draftOf, sayings } from '../dependencies.ts'
import { aVm } from '../vms.ts'
import { conditionOf } from '../../../src/api/condition.ts'

type Input = Parameters<typeof markReady>[0]

interface Case {
  readonly status?: ProxmoxVMStatus
  readonly spec?: Partial<ProxmoxVMSpec>
  readonly power?: 'running' | 'stopped'
  readonly pending?: readonly string[]
  readonly merged?: Package
  readonly resolved?: Partial<Resolved>
  readonly refusals?: Input['climbed']['refusals']
  readonly firewallEnabled?: boolean
  readonly behind?: readonly string[]
  readonly releasing?: readonly string[]
  readonly net0?: string
}

const born: ProxmoxVMStatus = {
  vmid: 10000,
  node: 'pve1',
  intentAt: '2026-01-01T00:00:01Z',
  localStatus: 'set_cloudinit',
  step: { name: 'start', since: '2026-01-01T00:00:08Z' },
  template: { vmid: 9000, node: 'pve1', selector: 'name=debian-13' },
  addresses: [{ name: 'main', family: 'IPv4', address: '203.0.113.10', prefixLength: 24, pool: 'v4' }],
}
const old: ProxmoxVMStatus = { ...born, localStatus: 'ready', firstReadyAt: '2026-01-01T00:00:05Z', firstStartedAt: '2026-01-01T00:00:04Z' }

function concluding(o: Case = {}) {
  const values = { ...settledValues, ...(o.net0 && { net0: o.net0 }) }
  const deps = quietDependencies({ now: '2026-01-01T00:00:10Z' })
  const draft = draftOf(aVm({ metadata: { generation: 2 }, ...(o.spec && { spec: o.spec }), status: o.status ?? born }))
  const outcome = markReady({
    deps,
    draft,
    cluster: { name: 'fra1', facts: () => ({ firewallEnabled: o.firewallEnabled ?? true }) } as unknown as Input['cluster'],
    resolved: { merged: o.merged ?? {}, ...o.resolved },
    guest: { behind: o.behind ?? [], releasing: o.releasing ?? [], standing: [] },
    climbed: {
      want: wanting({ firewall: wantingFirewall({ options: { enable: '1' } }) }),
      refusals: o.refusals ?? [],
      left: [],
      seen: seeing(values, { power: o.power ?? 'running', config: { values, digest: '', pending: o.pending ?? [] } }),
    },
  })
  const said = (type: Parameters<typeof conditionOf>[1]) => {
    const condition = conditionOf(draft.status.conditions, type)
    return condition && [condition.status, condition.reason, condition.message]
  }
  return { outcome, status: draft.status, said, deps }
}

describe('when nothing is missing any more', () => {
  it('the VM is Ready, and every part of it has a verdict', () => {
    const { outcome, status } = concluding()

    expect(outcome).toEqual({ is: 'done' })
    expect(sayings(status)).toEqual([
      'Ready=True/Running',
      'AddressesAllocated=True/Succeeded',
      'TemplateApplied=True/Succeeded',
      'PackageApplied=True/Succeeded',
      'NetworkConfigured=True/Succeeded',
      'FirewallConfigured=True/Succeeded',
      'CloudInitConfigured=True/Succeeded',
      'Suspended=False/NotSuspended',
      'RestartRequired=False/NoRestartRequired',
    ])
  })

  it('the status says what it was concluded for, and no step is under way', () => {
    const { status } = concluding({ merged: { cpu: { cores: 2 } } })

    expect(status).toMatchObject({
      observedGeneration: 2,
      localStatus: 'ready',
      progress: '12/12',
      package: { cpu: { cores: 2 } },
      remoteStatus: 'running',
      firstReadyAt: '2026-01-01T00:00:10Z',
      firstStartedAt: '2026-01-01T00:00:10Z',
    })
    expect(status).not.toHaveProperty('step')
    expect(status.history?.map(({ step, seconds }) => [step, seconds])).toEqual([['ready', 2]])
  })

  it('people are told once, with how long it took', () => {
    const first = concluding()

    expect(first.deps.becameReady).toEqual([['fra1', 10]])
    expect(first.deps.told).toContain('Normal Ready: VM 10000 on pve1 is ready: 203.0.113.10')
    expect(concluding({ status: old }).deps.becameReady).toEqual([])
    expect(concluding({ status: old }).deps.told.join()).not.toContain('is ready')
  })

  it('the times of the first time stay', () => {
    const { status } = concluding({ status: old })

    expect([status.firstReadyAt, status.firstStartedAt]).toEqual([old.firstReadyAt, old.firstStartedAt])
  })

  it('a VM that is off is Ready and Stopped, and was never started', () => {
    const { said, status } = concluding({ power: 'stopped', spec: { runStrategy: 'Halted' } })

    expect(said('Ready')).toEqual(['True', 'Stopped', ''])
    expect(status).not.toHaveProperty('firstStartedAt')
  })

  it('a suspended VM is Ready and Suspended', () => {
    const { said } = concluding({ status: old, power: 'stopped', spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })

    expect(said('Ready')).toEqual(['True', 'Suspended', ''])
    expect(said('Suspended')).toEqual(['True', 'Suspended', 'Suspended by billing (unpaid).'])
  })

  it('the Secret of a generated password is named', () => {
    expect(concluding({ spec: { cloudInit: { generatePassword: true } } }).status.credentialsSecretRef).toEqual({
      name: 'small-credentials',
    })
  })
})

describe('what is left open on purpose', () => {
  const source = { name: 'vps-m', generation: 1, spec: {} }
  const shrink = {
    step: setSystemDiskSize,
    verdict: refused('DiskShrinkRefused', 'system disk (scsi0) has 20Gi and does not shrink to 10Gi'),
  }
  const edited =
    'VMPackage vps-m was edited since this VM took it (generation 1, now 2): `kubectl pve plan` shows what would change, `kubectl pve change-package` applies it.'
  const disks = [
    { name: 'system', key: 'scsi0' },
    { name: 'data', key: 'scsi1', removalPolicy: 'Keep' },
    { name: 'logs', key: 'scsi2', removalPolicy: 'Delete' },
  ]

  it.each<[claim: string, o: Case, type: Parameters<typeof conditionOf>[1], verdict: [string, string, string]]>([
    [
      'a disk that would have to shrink',
      { refusals: [shrink] },
      'PackageApplied',
      ['False', 'DiskShrinkRefused', 'The system disk (scsi0) has 20Gi and does not shrink to 10Gi. All else is applied.'],
    ],
    [
      'a newer VMPackage',
      { resolved: { source, outdatedBy: 2 } },
      'PackageApplied',
      ['False', 'PackageOutdated', `${edited} All else is applied.`],
    ],
    [
      'a disk that left the package and is kept',
      { status: { ...old, disks } },
      'PackageApplied',
      ['False', 'DiskKept', 'Disk data (scsi1) is no longer in the package and was kept. All else is applied.'],
    ],
    [
      'each of several things',
      { status: { ...old, disks }, refusals: [shrink], resolved: { source, outdatedBy: 2 }, pending: ['cores'] },
      'PackageApplied',
      [
        'False',
        'DiskShrinkRefused',
        `The system disk (scsi0) has 20Gi and does not shrink to 10Gi. ${edited} Disk data (scsi1) is no longer in the package and was kept. Takes effect only at the next start from off: cores. All else is applied.`,
      ],
    ],
    [
      'another template',
      { spec: { template: { tag: 'noble', clone: 'Full' } } },
      'TemplateApplied',
      [
        'False',
        'TemplateChanged',
        'The VM was made from name=debian-13; spec.template says tag=noble. An edit of spec.template does not reinstall the VM; run the command Reinstall for that.',
      ],
    ],
    [
      'what PVE takes only at a cold start',
      { pending: ['cores', 'memory'] },
      'RestartRequired',
      ['True', 'RestartRequired', 'Takes effect only at the next start from off: cores, memory.'],
    ],
    [
      'what the guest reads at its next start',
      { behind: ['user', 'host name'] },
      'CloudInitConfigured',
      ['True', 'RestartRequired', 'The guest gets these only at its next start from off: user, host name.'],
    ],
    [
      'what the guest reads at its next start, beside what PVE takes only then',
      { behind: ['addresses'], pending: ['cores'], releasing: ['203.0.113.9'] },
      'RestartRequired',
      [
        'True',
        'RestartRequired',
        'Takes effect only at the next start from off: cores, addresses. The guest may still use 203.0.113.9, which stays reserved until the next start from off.',
      ],
    ],
    [
      'an address that the guest may still use',
      { behind: ['addresses'], releasing: ['203.0.113.9'] },
      'AddressesAllocated',
      ['True', 'Succeeded', 'The guest may still use 203.0.113.9, which stays reserved until the next start from off.'],
    ],
    [
      'rules that nobody enforces',
      { firewallEnabled: false },
      'FirewallConfigured',
      [
        'False',
        'NotEnforced',
        'The firewall rules are written, but the datacenter firewall is off; an admin must turn it on in PVE (Datacenter, Firewall, Options).',
      ],
    ],
  ])('%s is told and does not take Ready away', (_claim, o, type, verdict) => {
    const { said } = concluding(o)

    expect(said(type)).toEqual(verdict)
    expect(said('Ready')?.[0]).toBe('True')
  })
})

describe('a network card that somebody disconnected in PVE', () => {
  const net0 = 'virtio=BC:24:11:00:00:01,bridge=vmbr0,link_down=1'

  it('makes a VM that runs one that nobody can reach, and says who connects it', () => {
    const { said } = concluding({ status: old, net0 })

    expect(said('Ready')?.slice(0, 2)).toEqual(['False', 'LinkDown'])
    expect(said('Stalled')?.slice(0, 2)).toEqual(['True', 'LinkDown'])
    expect(said('NetworkConfigured')).toEqual(['False', 'LinkDown', expect.stringContaining('an admin clears Disconnect')])
  })

  it('is told of one that is off, which nobody expects to reach', () => {
    const { said } = concluding({ status: old, net0, power: 'stopped' })

    expect(said('Ready')?.slice(0, 2)).toEqual(['True', 'Stopped'])
    expect(said('NetworkConfigured')?.slice(0, 2)).toEqual(['False', 'LinkDown'])
  })
})
