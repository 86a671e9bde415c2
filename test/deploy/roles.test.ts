/** Who may press which button: deploy/roles.yaml and the admission policies, on the real API server, as the people themselves. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ipPools, type KubeObject, proxmoxVMCommands, proxmoxVMConsoles, proxmoxVMs, secrets, vmPackages } from '../../src/api/meta.ts'
import { type CommandName, commandNames, rightOf } from '../../src/api/proxmoxvmcommand.ts'
import { type KubeClient, KubeError } from '../../src/kube/client.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { type Fields, manifest } from '../crds/manifests.ts'
import { freshName, freshNamespace, testClient } from '../support/kube.ts'
import { until } from '../support/until.ts'

interface Role extends KubeObject {
  rules: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[]
}
const roles = parseManifests(readFileSync(join(import.meta.dirname, '../../deploy/roles.yaml'), 'utf8')) as Role[]

const admin = testClient()
const clients: KubeClient[] = [admin]
afterAll(() => Promise.all(clients.map((client) => client.close())))
/** A client as that person of this run; the name is in the sentences of the API server. */
const as = (user: string): KubeClient => {
  const client = testClient({ as: { user, groups: ['system:authenticated'] }, fieldManager: user })
  clients.push(client)
  return client
}

const viewer = as('vera')
const helpDesk = as('paul')
const bridge = as('bridge')
const operator = as('olga')
const rebooter = as('rita')
const desk = as('desk')

let namespace = ''
let elsewhere = ''
const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' }
const binding = (user: string, role: { kind: 'ClusterRole' | 'Role'; name: string }, within: string): KubeObject & Fields => ({
  ...rbac,
  kind: 'RoleBinding',
  metadata: { name: `${user}-${role.name}`, namespace: within },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', ...role },
  subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
})
const rebootWeb1: Role = {
  ...rbac,
  kind: 'Role',
  metadata: { name: 'reboot-web1' },
  rules: [
    { apiGroups: ['pve.hosting'], resources: ['proxmoxvmcommands', 'proxmoxvmconsoles'], verbs: ['create', 'list'] },
    { apiGroups: ['pve.hosting'], resources: ['proxmoxvms/reboot'], verbs: ['create'], resourceNames: ['web1'] },
  ],
}

beforeAll(async () => {
  namespace = await freshNamespace(admin)
  elsewhere = await freshNamespace(admin)
  const clusterRole = (name: string) => ({ kind: 'ClusterRole', name }) as const
  await new Manifests({ client: admin, clock: systemClock }).apply([
    ...roles,
    { ...rebootWeb1, metadata: { ...rebootWeb1.metadata, namespace } },
    binding('vera', clusterRole('pve-viewer'), namespace),
    binding('paul', clusterRole('pve-power'), namespace),
    binding('bridge', clusterRole('pve-billing-bridge'), namespace),
    binding('desk', clusterRole('pve-billing-bridge'), namespace),
    binding('desk', clusterRole('pve-billing-support'), namespace),
    binding('olga', clusterRole('pve-operator-admin'), namespace),
    binding('rita', { kind: 'Role', name: 'reboot-web1' }, namespace),
  ])
  await until('the roles act', () =>
    Promise.all([viewer, helpDesk, bridge, operator, rebooter, desk].map((it) => it.list(proxmoxVMCommands, { namespace }))),
  )
})

/** The sentence with which the API server refuses, or `allowed`. */
async function answerTo(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return 'allowed'
  } catch (fault) {
    if (!(fault instanceof KubeError) || fault.status !== 403) throw fault
    return fault.message
  }
}
const press = (who: KubeClient, command: CommandName, vm = 'web1', within = namespace): Promise<string> =>
  answerTo(
    who.create(
      proxmoxVMCommands,
      manifest('ProxmoxVMCommand', freshName(), { vmRef: { name: vm }, command, ...fieldsOf[command] }, within) as never,
      {
        dryRun: true,
      },
    ),
  )
const pressable = async (who: KubeClient): Promise<CommandName[]> => {
  const answers = await Promise.all(commandNames.map((command) => press(who, command)))
  return commandNames.filter((_, i) => answers[i] === 'allowed')
}
const power: CommandName[] = ['Start', 'Stop', 'Shutdown', 'Reboot', 'Reset']
/** What the API asks for besides. */
const fieldsOf: Readonly<Partial<Record<CommandName, Fields>>> = {
  Rollback: { snapshotRef: { name: 'before' } },
  Migrate: { node: 'pve2' },
}

describe('a button', () => {
  it('may be pressed by whoever has its right', async () => {
    expect(await pressable(helpDesk)).toEqual(power)
    expect(await pressable(bridge)).toEqual([...power, 'Reinstall', 'ChangePackage', 'Rollback', 'ResetPassword'])
    expect(await pressable(desk)).toEqual(commandNames)
    expect(await pressable(operator)).toEqual(commandNames)
  })

  it.each(commandNames.filter((command) => !power.includes(command)))(
    '%s is refused to the help desk by the name of the missing right',
    async (command) => {
      expect(await press(helpDesk, command)).toContain(
        `paul may not ${command} ProxmoxVM web1: this needs the right to create proxmoxvms/${rightOf(command)} of pve.hosting in namespace ${namespace}`,
      )
    },
  )

  it('is refused to a viewer, who may not write commands at all', async () => {
    expect(await press(viewer, 'Start')).toContain('cannot create resource "proxmoxvmcommands"')
  })

  it('may be granted for one VM', async () => {
    expect(await press(rebooter, 'Reboot')).toBe('allowed')
    expect(await press(rebooter, 'Reboot', 'web2')).toContain(
      'rita may not Reboot ProxmoxVM web2: this needs the right to create proxmoxvms/reboot',
    )
    expect(await press(rebooter, 'Stop')).toContain('rita may not Stop ProxmoxVM web1: this needs the right to create proxmoxvms/stop')
  })

  it('of another namespace takes the right there', async () => {
    expect(await press(helpDesk, 'Start', 'web1', elsewhere)).toContain('cannot create resource "proxmoxvmcommands"')
  })
})

describe('spec.suspensions and spec.reinstall', () => {
  // May write ProxmoxVMs, and neither suspend nor reinstall them: a pipeline.
  const pipeline = as('gitops')
  beforeAll(async () => {
    const rules = [{ apiGroups: ['pve.hosting'], resources: ['proxmoxvms'], verbs: ['get', 'list', 'create', 'update', 'patch'] }]
    await new Manifests({ client: admin, clock: systemClock }).apply([
      { ...rbac, kind: 'Role', metadata: { name: 'write', namespace }, rules } as Role,
      binding('gitops', { kind: 'Role', name: 'write' }, namespace),
    ])
    await until('the role acts', () => pipeline.list(proxmoxVMs, { namespace }))
  })
  const make = async (spec: Fields = {}): Promise<{ name: string; namespace: string }> => {
    const key = { name: freshName(), namespace }
    await pipeline.create(proxmoxVMs, manifest('ProxmoxVM', key.name, spec, namespace) as never)
    return key
  }
  const suspensions = [{ by: 'billing', reason: 'overdue' }]
  const missing = (what: string, right: string, name: string): string =>
    `gitops may not change spec.${what} of ProxmoxVM ${name}: this needs the right to update proxmoxvms/${right} of pve.hosting in namespace ${namespace}`

  it.each([
    ['add a suspension', {}, { suspensions }, 'suspensions', 'suspend'],
    ['change its reason', { suspensions }, { suspensions: [{ by: 'billing', reason: 'x' }] }, 'suspensions', 'suspend'],
    ['add a second one', { suspensions }, { suspensions: [...suspensions, { by: 'abuse', reason: 'x' }] }, 'suspensions', 'suspend'],
    ['take it away', { suspensions }, { suspensions: null }, 'suspensions', 'suspend'],
    ['empty the list', { suspensions }, { suspensions: [] }, 'suspensions', 'suspend'],
    ['ask for a reinstall', {}, { reinstall: { requestID: '2024-11-24' } }, 'reinstall', 'reinstall'],
    ['ask for another one', { reinstall: { requestID: '1' } }, { reinstall: { requestID: '2' } }, 'reinstall', 'reinstall'],
    ['choose its template', { reinstall: { requestID: '1' } }, { reinstall: { template: { tag: 'x' } } }, 'reinstall', 'reinstall'],
    ['ask for a restore', {}, { restore: { requestID: '1', backupRef: { name: 'b' } } }, 'restore or spec.template.backupRef', 'restore'],
    ['withdraw it', { reinstall: { requestID: '1' } }, { reinstall: null }, 'reinstall', 'reinstall'],
  ] as [string, Fields, Fields, string, string][])('to %s takes a right of its own', async (_, before, after, what, right) => {
    const key = await make(before)
    expect(await answerTo(pipeline.mergePatch(proxmoxVMs, key, { spec: after }))).toContain(missing(what, right, key.name))
    expect(await answerTo(bridge.mergePatch(proxmoxVMs, key, { spec: after }))).toBe('allowed')
  })

  it('may be there at creation without it: the VM is born suspended, and no reinstall runs', async () => {
    await expect(make({ suspensions, reinstall: { requestID: '1' } })).resolves.toBeDefined()
  })

  it('left as they are, in whatever order, leave the rest of the spec to whoever may write it', async () => {
    const two = [...suspensions, { by: 'abuse', reason: 'scans' }]
    const key = await make({ suspensions: two, reinstall: { requestID: '1', template: { tag: 'x' } } })
    expect(await answerTo(pipeline.mergePatch(proxmoxVMs, key, { spec: { suspensions: two.toReversed(), runStrategy: 'Always' } }))).toBe(
      'allowed',
    )
  })

  it('are held by each writer for itself: a holder withdraws its entry by the bare object, and a pipeline leaves both alone', async () => {
    const key = { name: freshName(), namespace }
    const whole = manifest('ProxmoxVM', key.name, {}, namespace)
    const bare = { apiVersion: whole.apiVersion, kind: whole.kind, metadata: key }
    const entry = (by: string): KubeObject => ({ ...bare, spec: { suspensions: [{ by, reason: 'r' }] } }) as KubeObject
    const holders = async (): Promise<string[]> =>
      ((await admin.get(proxmoxVMs, key))?.spec.suspensions ?? []).map(({ by }) => by).toSorted()
    await pipeline.apply(proxmoxVMs, whole as never)
    await bridge.apply(proxmoxVMs, entry('billing') as never)
    await operator.apply(proxmoxVMs, entry('abuse') as never)
    await pipeline.apply(proxmoxVMs, whole as never)
    expect(await holders()).toEqual(['abuse', 'billing'])
    await bridge.apply(proxmoxVMs, bare as never)
    expect(await holders()).toEqual(['abuse'])
  })
})

describe('the roles', () => {
  it('of the operator admin have every button', () => {
    const rights = roles
      .find(({ metadata }) => metadata.name === 'pve-operator-admin')!
      .rules.filter(({ verbs }) => verbs.join() === 'create')
    expect(rights.flatMap(({ resources }) => resources)).toEqual([
      ...commandNames.map((name) => `proxmoxvms/${rightOf(name)}`),
      'proxmoxvms/console',
    ])
  })

  it('let a console be made by whoever has the right to it, besides the one to make the object', async () => {
    const make = (who: KubeClient) => {
      const object = manifest('ProxmoxVMConsole', freshName(), {}, namespace)
      return answerTo(who.create(proxmoxVMConsoles, object as never, { dryRun: true }))
    }
    expect(await make(bridge)).toBe('allowed')
    expect(await make(rebooter)).toContain(
      'rita may not open a console of ProxmoxVM web1: this needs the right to create proxmoxvms/console',
    )
  })

  it('let everybody see', async () => {
    for (const who of [viewer, helpDesk, bridge, operator]) expect(await answerTo(who.list(proxmoxVMs, { namespace }))).toBe('allowed')
  })

  it.each([
    ['vera', 'list Secrets', () => viewer.list(secrets, { namespace })],
    ['vera', 'read a Secret', () => viewer.get(secrets, { name: 'web1-credentials', namespace })],
    ['paul', 'read a Secret', () => helpDesk.get(secrets, { name: 'web1-credentials', namespace })],
    ['olga', 'read a Secret', () => operator.get(secrets, { name: 'web1-credentials', namespace })],
    ['bridge', 'list Secrets', () => bridge.list(secrets, { namespace })],
    ['bridge', 'read a Secret elsewhere', () => bridge.get(secrets, { name: 'fra1-token', namespace: elsewhere })],
    ['bridge', 'replace VMs', () => bridge.replace(proxmoxVMs, manifest('ProxmoxVM', 'web1', {}, namespace) as never)],
    ['bridge', 'delete commands', () => bridge.delete(proxmoxVMCommands, { name: 'web1-start', namespace })],
    ['bridge', 'write packages', () => bridge.mergePatch(vmPackages, { name: 'vps-s' }, { spec: {} })],
    ['vera', 'write VMs', () => viewer.mergePatch(proxmoxVMs, { name: 'web1', namespace }, { spec: {} })],
    ['paul', 'delete VMs', () => helpDesk.delete(proxmoxVMs, { name: 'web1', namespace })],
    ['paul', 'suspend VMs', () => helpDesk.mergePatch(proxmoxVMs, { name: 'web1', namespace }, { spec: { suspensions: [] } })],
    ['paul', 'write pools', () => helpDesk.delete(ipPools, { name: 'public-v4' })],
  ] as [string, string, () => Promise<unknown>][])('do not let %s %s', async (_, __, attempt) => {
    expect(await answerTo(attempt())).toContain('cannot ')
  })

  it('let the bridge read a Secret whose name it knows', async () => {
    expect(await answerTo(bridge.get(secrets, { name: 'web1-credentials', namespace }))).toBe('allowed')
  })
})
