/** Who may take a guest: deploy/roles.yaml and the admission policy, as the people themselves. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type KubeObject, proxmoxVMs } from '../../src/api/meta.ts'
import { type KubeClient, KubeError } from '../../src/kube/client.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { type Fields, manifest } from '../crds/manifests.ts'
import { freshName, freshNamespace, testClient } from '../support/kube.ts'
import { until } from '../support/until.ts'

const admin = testClient()
const clients: KubeClient[] = [admin]
const as = (user: string): KubeClient => {
  const client = testClient({ as: { user, groups: ['system:authenticated'] }, fieldManager: user })
  clients.push(client)
  return client
}
afterAll(() => Promise.all(clients.map((client) => client.close())))

/** A customer who may write ProxmoxVMs, the help desk, and who runs the operator. */
const tenant = as('tina')
const helpDesk = as('pia')
const keeper = as('otto')
let namespace = ''

const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' }
const binding = (user: string, role: { kind: 'ClusterRole' | 'Role'; name: string }): KubeObject & Fields => ({
  ...rbac,
  kind: 'RoleBinding',
  metadata: { name: `${user}-${role.name}`, namespace },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...role },
  subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
})

beforeAll(async () => {
  namespace = await freshNamespace(admin)
  const roles = parseManifests(readFileSync(join(import.meta.dirname, '../../deploy/roles.yaml'), 'utf8'))
  const rules = [{ apiGroups: ['pve.hosting'], resources: ['proxmoxvms'], verbs: ['get', 'list', 'create', 'update', 'patch'] }]
  await new Manifests({ client: admin, clock: systemClock }).apply([
    ...roles,
    { ...rbac, kind: 'Role', metadata: { name: 'write', namespace }, rules } as KubeObject,
    binding('tina', { kind: 'Role', name: 'write' }),
    binding('pia', { kind: 'ClusterRole', name: 'pve-power' }),
    binding('otto', { kind: 'ClusterRole', name: 'pve-operator-admin' }),
  ])
  await until('the roles act', () => Promise.all([tenant, helpDesk, keeper].map((who) => who.list(proxmoxVMs, { namespace }))))
})

async function answerTo(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return 'allowed'
  } catch (fault) {
    if (!(fault instanceof KubeError) || (fault.status !== 403 && fault.status !== 422)) throw fault
    return fault.message
  }
}

const take = { vmid: 101, macAddress: 'BC:24:11:00:00:01', mode: 'Take' }
const report = { vmid: 101, mode: 'Report' }
const make = (who: KubeClient, spec: Fields): Promise<string> =>
  answerTo(who.create(proxmoxVMs, manifest('ProxmoxVM', freshName(), spec, namespace) as never, { dryRun: true }))
const missing = 'this needs the right to update proxmoxvms/adopt of pve.hosting'

describe('spec.template.backupRef', () => {
  const fromBackup = { template: { name: null, backupRef: { name: 'b' } } }
  const missingRestore = 'this needs the right to update proxmoxvms/restore of pve.hosting'

  it('may be asked for at creation, and written later, only by the right to restore', async () => {
    expect(await make(tenant, fromBackup)).toContain(missingRestore)
    expect(await make(keeper, fromBackup)).toBe('allowed')
    const key = { name: freshName(), namespace }
    await tenant.create(proxmoxVMs, manifest('ProxmoxVM', key.name, {}, namespace) as never)
    expect(await answerTo(tenant.mergePatch(proxmoxVMs, key, { spec: fromBackup }))).toContain(missingRestore)
    expect(await answerTo(tenant.mergePatch(proxmoxVMs, key, { spec: { runStrategy: 'Halted' } }))).toBe('allowed')
    expect(await answerTo(keeper.mergePatch(proxmoxVMs, key, { spec: fromBackup }))).toBe('allowed')
  })
})

describe('spec.adopt', () => {
  it.each([
    ['a takeover', take],
    ['a report, which tells of a guest that may be another customer’s', report],
  ] as [string, Fields][])('may ask for %s at creation only by its own right', async (_, adopt) => {
    expect(await make(tenant, { adopt })).toContain(`tina may not change spec.adopt of ProxmoxVM`)
    expect(await make(tenant, { adopt })).toContain(missing)
    expect(await make(helpDesk, { adopt })).toContain('cannot create resource "proxmoxvms"')
    expect(await make(keeper, { adopt })).toBe('allowed')
    expect(await make(tenant, {})).toBe('allowed')
  })

  it('may be added, changed and taken away only by that right, and leaves the rest of the spec to its writers', async () => {
    const key = { name: freshName(), namespace }
    await keeper.create(proxmoxVMs, manifest('ProxmoxVM', key.name, { adopt: report }, namespace) as never)
    for (const adopt of [take, { ...report, vmid: 102 }, null])
      expect(await answerTo(tenant.mergePatch(proxmoxVMs, key, { spec: { adopt } }))).toContain(missing)
    expect(await answerTo(tenant.mergePatch(proxmoxVMs, key, { spec: { runStrategy: 'Halted' } }))).toBe('allowed')
    expect(await answerTo(helpDesk.mergePatch(proxmoxVMs, key, { spec: { adopt: take } }))).toContain('cannot patch resource')
    expect(await answerTo(keeper.mergePatch(proxmoxVMs, key, { spec: { adopt: take } }))).toBe('allowed')
  })

  it('needs the MAC address of the guest to take it', async () => {
    expect(await make(keeper, { adopt: { vmid: 101, mode: 'Take' } })).toContain('mode Take needs macAddress')
    expect(await make(keeper, { adopt: { ...take, disks: [{ name: 'data', key: 'net0' }] } })).toContain('write the slot of a disk')
  })
})
