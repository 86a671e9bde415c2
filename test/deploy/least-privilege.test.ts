import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ipPools, proxmoxClusters, proxmoxVMCommands } from '../../src/api/meta.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const serviceAccount = {
  user: 'system:serviceaccount:pve-system:pve-operator',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:pve-system', 'system:authenticated'],
}

describe('an operator with no more rights than deploy/rbac.yaml gives', () => {
  let world: TestWorld
  let pool: string

  beforeAll(async () => {
    world = await TestWorld.start({ operator: false })
    const manifests = new Manifests({ client: world.client, clock: systemClock })
    for (const file of ['namespace.yaml', 'rbac.yaml']) {
      await manifests.apply(parseManifests(readFileSync(join(import.meta.dirname, '../../deploy', file), 'utf8')))
    }
    pool = await world.pool({
      ranges: ['198.51.100.10-198.51.100.20'],
      prefixLength: 24,
      gateway: '198.51.100.1',
      network: { bridge: 'vmbr0' },
      scope: world.cluster,
    })
    await world.startOperator({ as: serviceAccount })
  })
  afterAll(async () => await world.stop())

  it('makes a VM, with its address and its generated password', async () => {
    await world.apply('modest', {
      addresses: [{ name: 'main', poolRef: { name: pool } }],
      cloudInit: { user: 'admin', generatePassword: true },
    })
    const vm = await world.untilReady('modest')
    expect(vm.status?.addresses).toMatchObject([{ address: '198.51.100.10' }])
    expect(vm.status?.credentialsSecretRef).toEqual({ name: 'modest-credentials' })
  })

  it('carries out a command and deletes it after its TTL', async () => {
    const key = { namespace: world.namespace, name: 'stop-it' }
    const spec = { vmRef: { name: 'modest' }, command: 'Stop' as const, ttlSecondsAfterFinished: 1 }
    await world.client.create(proxmoxVMCommands, { apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVMCommand', metadata: key, spec })
    await until('the command is done and deleted', async () => (await world.client.get(proxmoxVMCommands, key)) === undefined)
    await until('the VM is off', async () => (await world.vm('modest'))?.status?.remoteStatus === 'stopped')
  })

  it('takes the VM down and gives everything back', async () => {
    await world.delete('modest')
    await world.untilGone('modest')
    expect((await world.addresses(pool)).filter((address) => address.spec.claimRef)).toEqual([])
  })

  it('proves that nothing uses the pool and the cluster any more, and lets them go', async () => {
    await world.client.delete(ipPools, { name: pool })
    await until('the pool is gone', async () => (await world.client.get(ipPools, { name: pool })) === undefined)
    await world.client.delete(proxmoxClusters, { name: world.cluster })
    await until('the cluster is gone', async () => (await world.client.get(proxmoxClusters, { name: world.cluster })) === undefined)
  })
})
