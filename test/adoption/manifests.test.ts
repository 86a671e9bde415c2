import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { listGuestsAnnotation } from '../../src/api/guest-list.ts'
import { proxmoxClusters, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { at, type Said } from '../plugin/terminal.ts'
import { ownControlPlane, type OwnControlPlane } from '../support/own-control-plane.ts'
import { until } from '../support/until.ts'
import { bodyOf, type Fleet, openFleet } from './strangers.ts'

const vmids = Array.from({ length: 50 }, (_, index) => 101 + index)

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

const adopt = (...args: string[]): Promise<Said> =>
  at(() => fleet.world.namespace)('adopt', '--cluster', fleet.world.cluster, '--template', 'debian-13', ...args)
const manifestsIn = (text: string): ProxmoxVM[] => parseAllDocuments(text).map((document) => document.toJS() as ProxmoxVM)

describe('kubectl pve adopt --cluster', () => {
  it('prints a manifest for each guest of nobody, and what fits nothing in one table; it writes nothing', async () => {
    const said = await adopt('--vmid', '101-103,118', '-n', fleet.world.namespace)
    expect(said).toMatchObject({ code: 0 })
    const manifests = manifestsIn(said.out)
    expect(manifests.map(({ spec }) => spec.adopt?.vmid)).toEqual([101, 102, 103, 118])
    expect(manifests[1]).toMatchObject({
      kind: 'ProxmoxVM',
      metadata: { name: 'vm-102', namespace: fleet.world.namespace },
      spec: {
        clusterRef: { name: fleet.world.cluster },
        addresses: [
          { name: 'main', poolRef: { name: fleet.v4 }, address: '203.0.113.11' },
          { name: 'main6', poolRef: { name: fleet.v6 }, address: '2001:db8:a::11' },
        ],
        adopt: { vmid: 102, mode: 'Report', macAddress: expect.stringMatching(/^00:16:3E/) },
        deletionProtection: true,
      },
    })
    // PVE's 12.5 MB/s.
    expect(manifests[1]?.spec.package?.network?.rateMbit).toBe(100)
    expect(said.err).toMatch(/102\s+pve2\s+\S+\s+on\s+inline\s+203\.0\.113\.11,2001:db8:a::11\s+.*fits no VMPackage/)
    expect((await fleet.world.client.list(proxmoxVMs, { namespace: fleet.world.namespace })).length).toBe(0)
    const cluster = await until('the answer goes with the request', async () => {
      const object = await fleet.world.client.get(proxmoxClusters, { name: fleet.world.cluster })
      return object?.status?.guestList === undefined ? object : undefined
    })
    expect(cluster.metadata.annotations?.[listGuestsAnnotation]).toBeUndefined()
    expect(fleet.world.writes()).toEqual([])
  })

  it('names the VMPackage that says what the guest has, and refuses what it cannot list', async () => {
    const name = await fleet.world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '40Gi' } })
    const said = await adopt('--vmid', '101')
    expect(manifestsIn(said.out)[0]?.spec.packageRef?.name).toBe(name)
    expect(await adopt('--vmid', '9000')).toMatchObject({ code: 1, err: expect.stringContaining('not listed: VM 9000') })
    expect(await adopt()).toMatchObject({ code: 2, err: expect.stringContaining('--vmid') })
    expect(await adopt('--vmid', 'x')).toMatchObject({ code: 2 })
  })

  it('answers several people who ask at the same moment, and one who asks after a plugin that was killed', async () => {
    const said = await Promise.all(['101', '102', '103'].map((vmid) => adopt('--vmid', vmid)))
    expect(said.map(({ out }) => manifestsIn(out).map(({ spec }) => spec.adopt?.vmid))).toEqual([[101], [102], [103]])
    const { client, cluster } = fleet.world
    const left = { metadata: { annotations: { [listGuestsAnnotation]: 'plugin-killed 101-101' } } }
    await client.mergePatch(proxmoxClusters, { name: cluster }, left)
    const { out } = await adopt('--vmid', '104')
    expect(manifestsIn(out).map(({ spec }) => spec.adopt?.vmid)).toEqual([104])
    const object = await client.get(proxmoxClusters, { name: cluster })
    expect(object?.metadata.annotations?.[listGuestsAnnotation]).toBeUndefined()
  })

  it('makes manifests that take the whole fleet as it is', async () => {
    const before = vmids.map((vmid) => bodyOf(fleet, vmid))
    const { out } = await adopt('--all', '--take')
    const manifests = manifestsIn(out)
    expect(manifests).toHaveLength(50)
    for (const manifest of manifests) await fleet.world.client.create(proxmoxVMs, manifest)
    for (const vmid of vmids) await fleet.world.untilCondition(`vm-${vmid}`, 'NetworkConfigured', 'True', undefined, 90)
    expect(vmids.map((vmid) => bodyOf(fleet, vmid))).toEqual(before)
    // Size and wire are in the manifest; what differs beside them is what no package says.
    const vms = await fleet.world.client.list(proxmoxVMs, { namespace: fleet.world.namespace })
    const fields = vms.flatMap(({ status }) => status?.adoption?.differences?.map(({ field }) => field) ?? [])
    expect(
      fields.filter((field) =>
        /^(?:cores|sockets|memory|cpulimit|balloon|net0\.(?:rate|bridge|tag|firewall|macaddr)|scsi\d+\.size)$/.test(field),
      ),
    ).toEqual([])
    expect((await adopt('--all')).err).toContain('no guest of these can be taken over')
  })
})
