import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { ipPools, type KubeObject, proxmoxVMs } from '../../src/api/meta.ts'
import type { IPPool } from '../../src/api/ippool.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { pve, type Said } from '../plugin/terminal.ts'
import { testKubeconfig } from '../support/kube.ts'
import { ownControlPlane, type OwnControlPlane } from '../support/own-control-plane.ts'
import { bodyOf, type Fleet, guestAt, macOf, openFleet } from './strangers.ts'

/** Its own: pools and packages of other tests would serve this cluster as well. */
let own: OwnControlPlane
let fleet: Fleet
beforeAll(async () => {
  own = await ownControlPlane()
  fleet = await openFleet()
})
afterAll(async () => {
  await fleet.world.stop()
  await own.stop()
})

const head = 'service_id,client_id,status,vmid,mac,addresses,hostname,package,rate_mbyte'
/** A running guest, one that is off and suspended, one that nobody knows, one with a single sign, two on one VMID, and one of the past. */
const list = () =>
  [
    head,
    '5546,471,Active,102,,203.0.113.11 2001:db8:a::11,,no-such-package,25',
    `5547,471,Suspended,103,${macOf(fleet, 103)},,,,`,
    '5548,472,Active,999,,198.51.100.200,,,',
    '5549,472,Active,110,,,,,',
    `5550,473,Active,101,${macOf(fleet, 101)},203.0.113.10,,,`,
    `5551,473,Active,101,${macOf(fleet, 101)},,,,`,
    '5552,474,Terminated,,,203.0.113.200,,,',
  ].join('\n')

const run = (text: string, ...args: string[]): Promise<Said> =>
  pve(
    [
      'import',
      '--cluster',
      fleet.world.cluster,
      '--csv',
      'services.csv',
      ...args,
      '-n',
      fleet.world.namespace,
      '--kubeconfig',
      testKubeconfig(),
    ],
    { readFile: (path) => Promise.resolve(path === 'services.csv' ? text : undefined) },
  )
const documents = (said: Said) => parseAllDocuments(said.out).map((document) => document.toJS() as KubeObject)

describe('kubectl pve import', () => {
  it('prints manifests with the labels and suspensions of the panel, its addresses as reservations, and asks where it is not sure', async () => {
    const said = await run(list(), '--template', 'debian-13', '--take')
    expect(said).toMatchObject({ code: 0 })
    const vms = documents(said).filter(({ kind }) => kind === 'ProxmoxVM') as ProxmoxVM[]
    expect(vms.map(({ metadata }) => metadata.name)).toEqual(['service-5546', 'service-5547'])
    expect(vms[0]?.metadata.labels).toEqual({ 'pve.hosting/client-id': '471', 'pve.hosting/service-id': '5546' })
    expect(vms[0]?.spec.suspensions).toBeUndefined()
    expect(vms[1]?.spec.suspensions).toEqual([{ by: 'billing', reason: 'Suspended in the panel when it was imported' }])
    const pools = documents(said).filter(({ kind }) => kind === 'IPPool') as IPPool[]
    const reserved = pools.flatMap(({ spec }) => spec.reservations ?? []).map(({ address, for: { name } }) => `${address} ${name}`)
    expect(reserved.toSorted()).toEqual([
      '2001:db8:a::11 service-5546',
      '203.0.113.10 service-5550',
      '203.0.113.11 service-5546',
      '203.0.113.200 service-5552',
    ])
    expect(said.err).toContain('service 5549 (line 5): VM 110 matches only by its VMID')
    expect(said.err).toContain('services 5550 (line 6) and 5551 (line 7) are both VM 101')
    expect(said.err).toContain('service 5548 (line 4): PVE has no such guest')
    expect(said.err).toMatch(
      /service 5546, by VMID and address; rate: panel 200, PVE 100 \(Mbit\/s\); VMPackage "no-such-package" does not exist/,
    )
    expect(fleet.world.writes()).toEqual([])
  })

  it('makes manifests that take the guests as they are, with the reservations in force, and its comparison tells what is ours', async () => {
    const before = [102, 103].map((vmid) => bodyOf(fleet, vmid))
    const printed = documents(await run(list(), '--template', 'debian-13', '--take'))
    for (const object of printed.filter(({ kind }) => kind === 'IPPool'))
      await fleet.world.client.apply(ipPools, object as IPPool, { fieldManager: 'pve-import', force: false })
    for (const object of printed.filter(({ kind }) => kind === 'ProxmoxVM'))
      await fleet.world.client.create(proxmoxVMs, object as ProxmoxVM)
    await fleet.world.untilCondition('service-5546', 'NetworkConfigured', 'True')
    const suspended = await fleet.world.untilCondition('service-5547', 'Suspended', 'True')
    expect(suspended.status?.vmid).toBe(103)
    expect(guestAt(fleet, 103).isRunning).toBe(false)
    expect([102, 103].map((vmid) => bodyOf(fleet, vmid))).toEqual(before)
    const said = await run(list().replace('203.0.113.11 ', '203.0.113.11 203.0.113.77 '), '--compare')
    expect(said.out).toContain('1 services agree with PVE')
    expect(said.out).toMatch(/Differs\s+5546\s+102\s+\S+\/service-5546\s+address 203\.0\.113\.77 is in the panel and not in PVE/)
    expect(said.out).toMatch(/PanelOnly\s+5548/)
    expect(said.out).toMatch(/PVEOnly\s+150\s+VM 150/)
    // 203.0.113.200 is kept back for the service that the panel has terminated.
    await fleet.world.apply('thief', {
      package: { network: { bridge: 'vmbr0' } },
      addresses: [{ name: 'main', poolRef: { name: fleet.v4 }, address: '203.0.113.200' }],
    })
    await fleet.world.untilCondition('thief', 'Stalled', 'True', 'AddressExcluded')
  })

  it('refuses a list that is wrong, with its line, and prints nothing', async () => {
    expect(await run('service_id,client_id,status\n1,2,Sleeping', '--compare')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('services.csv: line 2: status is "Sleeping"'),
    })
  })
})
