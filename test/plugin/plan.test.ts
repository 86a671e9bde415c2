import { describe, expect, it } from '@jest/globals'
import type { IPPool } from '../../src/api/ippool.ts'
import type { Condition } from '../../src/api/object.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { planOf } from '../../src/plugin/plan.ts'
import { aPackage, aVm } from '../engine/vms.ts'

const inForce = { cpu: { cores: 2 }, memory: { size: '2Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } }
const condition = (type: string, status: Condition['status'], reason: string, message = ''): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  observedGeneration: 1,
})

/** Ready, running, with `inForce` and one disk. */
function aReadyVm(o: { spec?: Partial<ProxmoxVM['spec']>; status?: ProxmoxVM['status']; metadata?: Partial<ProxmoxVM['metadata']> } = {}) {
  return aVm({
    metadata: { ...o.metadata },
    spec: { package: inForce, ...o.spec },
    status: {
      observedGeneration: 1,
      localStatus: 'ready',
      remoteStatus: 'running',
      phase: 'Running',
      vmid: 10_000,
      node: 'pve1',
      intentAt: '2026-01-01T00:00:00Z',
      firstReadyAt: '2026-01-01T00:00:10Z',
      firstStartedAt: '2026-01-01T00:00:10Z',
      vmName: 'small',
      hostname: 'small',
      interfaces: [{ name: 'net0', macAddress: 'BC:24:11:00:00:01', bridge: 'vmbr0' }],
      disks: [{ name: 'system', key: 'scsi0', volume: 'local-lvm:vm-10000-disk-0', size: '20Gi' }],
      package: inForce,
      conditions: [condition('Ready', 'True', 'Running')],
      ...o.status,
    },
  })
}

const linesOf = async (vm: ProxmoxVM, o: { found?: ReturnType<typeof aPackage>; pools?: IPPool[] } = {}) => {
  const pools = new Map((o.pools ?? []).map((pool) => [pool.metadata.name, pool]))
  const { lines } = await planOf({ vm, pools, found: o.found })
  return lines.map(({ what, when, stops, because }) => `${when}${stops ? ' (stop)' : ''}: ${what} <- ${because}`)
}

describe('the plan of another address', () => {
  const pool = {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'IPPool',
    metadata: { name: 'v4' },
    spec: { ranges: ['203.0.113.10-203.0.113.99'], prefixLength: 24, gateway: '203.0.113.1', scope: 'global' },
  } as unknown as IPPool
  const held = { name: 'main', family: 'IPv4' as const, address: '203.0.113.10', prefixLength: 24, gateway: '203.0.113.1', pool: 'v4' }
  const addresses = [held, { ...held, name: 'next', address: '203.0.113.11' }]
  const told = async (...conditions: Condition[]) => {
    const spec = { addresses: [{ name: 'next', poolRef: { name: 'v4' } }] }
    const vm = aReadyVm({ spec, status: { addresses, conditions: [condition('Ready', 'True', 'Running'), ...conditions] } })
    return (await linesOf(vm, { pools: [pool] })).filter((line) => line.includes('set_cloudinit'))
  }

  it('stops the VM for it, and not where the VM has no cloud-init drive to learn it from', async () => {
    expect(await told()).toEqual([expect.stringMatching(/^now \(stop\): set_cloudinit/)])
    expect(await told(condition('CloudInitConfigured', 'False', 'NoCloudInitDrive'))).toEqual([
      expect.stringMatching(/^now: set_cloudinit/),
    ])
  })
})

describe('the plan', () => {
  it('is empty for a VM that is as declared', async () => {
    expect(await planOf({ vm: aReadyVm(), pools: new Map(), found: undefined })).toEqual({
      name: 'small',
      namespace: 'customer-7',
      generation: 1,
      observedGeneration: 1,
      phase: 'Running',
      lines: [],
    })
  })

  it.each([
    ['memory is cold', { package: { ...inForce, memory: { size: '4Gi' } } }, ['now (stop): set_cpu_ram: memory 2048 → 4096']],
    ['a limit is live', { package: { ...inForce, cpu: { cores: 2, limit: '1.5' } } }, ['now: set_cpu_ram: cpulimit unset → 1.5']],
    [
      'a disk grows live',
      { package: { ...inForce, systemDisk: { size: '30Gi' } } },
      ['now: set_system_disk_size: system disk (scsi0) 20Gi → 30Gi'],
    ],
    [
      'a disk never shrinks',
      { package: { ...inForce, systemDisk: { size: '10Gi' } } },
      ['refused: set_system_disk_size: system disk (scsi0) has 20Gi and does not shrink to 10Gi (refused)'],
    ],
    [
      'a new disk gets the next slot',
      { package: { ...inForce, additionalDisks: [{ name: 'data', size: '10Gi' }] } },
      [
        'now: set_created_additional_disk: scsi1 unset → local-lvm:10',
        'now: set_additional_disk_size: disk data: the VM has no such drive yet',
      ],
    ],
    [
      'a VLAN is live',
      { package: { ...inForce, network: { bridge: 'vmbr0', vlan: 7 } } },
      ['now: set_network: net0 virtio=BC:24:11:00:00:01,bridge=vmbr0 → virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=7'],
    ],
    ['a name is changed', { hostname: 'Web1.example.com' }, ['now: identity: name small → web1.example.com']],
    [
      'a package contradicts itself',
      { package: { ...inForce, additionalDisks: [{ name: 'data' }] } },
      [expect.stringMatching(/^refused: apply the package/)],
    ],
  ])('says that %s', async (_, spec, expected) => {
    const vm = aReadyVm({ spec, metadata: { generation: 2 } })
    const because = (await linesOf(vm)).map((line) => line.split(' <- '))
    expect(because.map(([what]) => what)).toEqual(expected)
  })

  it('takes the VM off and on for suspension and runStrategy, and names who wants it', async () => {
    const suspended = aReadyVm({ spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    expect(await linesOf(suspended)).toEqual(['now (stop): power running → stopped <- suspended by billing (unpaid)'])
    const released = aReadyVm({ status: { remoteStatus: 'stopped', conditions: [condition('Suspended', 'True', 'Suspended')] } })
    expect(await linesOf(released)).toEqual(['now: power stopped → running <- the last suspension was removed'])
    const halted = aReadyVm({ spec: { runStrategy: 'Halted' } })
    expect(await linesOf(halted)).toEqual(['now (stop): power running → stopped <- runStrategy is Halted'])
    expect(await linesOf(aReadyVm({ status: { remoteStatus: 'stopped' } }))).toEqual([])
  })

  it('keeps the VMPackage in force until the command takes the newer one', async () => {
    const packageSource = { name: 'vps-m', generation: 1, spec: inForce }
    const vm = aReadyVm({ spec: { package: { cpu: { cores: 2 } }, packageRef: { name: 'vps-m' } }, status: { packageSource } })
    expect(await linesOf(vm, { found: aPackage({ ...inForce, cpu: { cores: 8 }, memory: { size: '8Gi' } }, 2) })).toEqual([
      'ChangePackage (stop): set_cpu_ram: memory 2048 → 8192 <- VMPackage vps-m is at generation 2, this VM at 1',
    ])
  })

  it('says what waits for a reinstall or a stop', async () => {
    const conditions = [
      condition('RestartRequired', 'True', 'RestartRequired', 'In force only after a stop: cores.'),
      condition('TemplateApplied', 'False', 'TemplateChanged', 'The VM was cloned from another one.'),
    ]
    expect(await linesOf(aReadyVm({ status: { conditions } }))).toEqual([
      'next stop (stop): In force only after a stop: cores. <- RestartRequired',
      'Reinstall (stop): install from debian-13 <- The VM was cloned from another one.',
    ])
  })

  it.each([
    [
      'asked for',
      { reinstall: { requestID: 'r2', template: { name: 'ubuntu', clone: 'Full' as const } } },
      {},
      'now (stop): reinstall from ubuntu <- spec.reinstall.requestID is r2',
    ],
    ['done before', { reinstall: { requestID: 'r1' } }, { reinstall: { completedIDs: ['r1'] } }, undefined],
    [
      'under way',
      {},
      { reinstall: { completedIDs: [], running: { requestID: 'r1', since: '2026-01-01T00:00:00Z' } } },
      'under way (stop): reinstall from debian-13 <- request r1',
    ],
    [
      'removed',
      {},
      { removedAt: '2026-01-01T00:00:00Z' },
      'Reinstall: create the VM again (command Clone or Reinstall) <- the VM was removed by command',
    ],
    [
      'missing',
      {},
      { conditions: [condition('Ready', 'False', 'VMMissing')] },
      'Reinstall: create the VM again (command Clone or Reinstall) <- the VM is missing in PVE',
    ],
  ])('knows a reinstall that is %s', async (_, spec, status, expected) => {
    expect(await linesOf(aReadyVm({ spec, status }))).toEqual(expected === undefined ? [] : [expected])
  })

  it('says why nothing is done at present', async () => {
    const heldOf = async (vm: ProxmoxVM) => (await planOf({ vm, pools: new Map(), found: undefined })).held
    expect(await heldOf(aReadyVm({ status: { remoteLock: 'backup' } }))).toBe('PVE holds the lock "backup" on the VM')
    expect(await heldOf(aReadyVm({ status: { conditions: [condition('Stalled', 'True', 'PackageNotFound', 'No such.')] } }))).toBe(
      'PackageNotFound: No such.',
    )
    expect(await heldOf(aReadyVm({ metadata: { annotations: { 'pve.hosting/paused': 'true' } } }))).toContain('paused')
    expect(await heldOf(aReadyVm())).toBeUndefined()
  })
})
