/** A world whose cluster has consoles, and ways to make and read them. */
import { proxmoxClusters, proxmoxVMConsoles, secrets } from '../../src/api/meta.ts'
import type { ProxmoxVMConsole } from '../../src/api/proxmoxvmconsole.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

/** Of the broker: a token with VM.Console alone, and a user for serial ports. */
export const viewerToken = { tokenID: 'viewer@pve!console', tokenSecret: 'looks-only' }
export const viewerUser = { username: 'viewer@pve', password: 'looks and types' }

/** A PVE in which the broker has credentials that may look at guests and do nothing else. */
export const scenario = {
  users: [{ userid: 'root@pam' }, { userid: 'viewer@pve', password: viewerUser.password }],
  tokens: [
    { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
    { tokenid: viewerToken.tokenID, secret: viewerToken.tokenSecret, privsep: true },
  ],
  roles: { ConsoleOnly: ['VM.Console'] },
  acl: [
    { path: '/vms', type: 'user', ugid: 'viewer@pve', roleid: 'ConsoleOnly' },
    { path: '/vms', type: 'token', ugid: viewerToken.tokenID, roleid: 'ConsoleOnly' },
  ],
  authDelayMs: 0,
}

export async function worldWithConsoles(url = 'https://console.example.com'): Promise<TestWorld> {
  const world = await TestWorld.start({ scenario, operator: false })
  await setLogin(world, viewerToken)
  await setConsole(world, { url })
  await world.startOperator()
  return world
}

/** What the broker logs in with, from now on. */
export async function setLogin(world: TestWorld, login: Record<string, string>): Promise<void> {
  const key = { namespace: world.namespace, name: 'console-login' }
  await world.client.delete(secrets, key)
  await world.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: key, stringData: login })
}

/** spec.console of the cluster; undefined takes it away. */
export async function setConsole(world: TestWorld, o: { url: string; allowSuspended?: boolean } | undefined): Promise<void> {
  const console = o && { ...o, credentialsSecretRef: { namespace: world.namespace, name: 'console-login' } }
  await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { console: console ?? null } })
}

export async function makeConsole(world: TestWorld, vm: string, spec: object = {}): Promise<string> {
  const name = freshName('look')
  await world.client.create(proxmoxVMConsoles, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMConsole',
    metadata: { name, namespace: world.namespace },
    spec: { vmRef: { name: vm }, ...spec },
  } as never)
  return name
}

export const consoleNamed = async (world: TestWorld, name: string): Promise<ProxmoxVMConsole | undefined> =>
  await world.client.get(proxmoxVMConsoles, { namespace: world.namespace, name })

export async function untilPhase(world: TestWorld, name: string, ...phases: string[]): Promise<ProxmoxVMConsole> {
  let last: ProxmoxVMConsole | undefined
  return await until(
    `${name} is ${phases.join(' or ')}`,
    async () => {
      last = await consoleNamed(world, name)
      return phases.includes(last?.status?.phase ?? '') ? last : undefined
    },
    { describe: () => last?.status },
  )
}

/** The URL of a console, as its Secret has it. */
export async function urlOf(world: TestWorld, name: string): Promise<string> {
  const { status } = await untilPhase(world, name, 'Waiting')
  const secret = await world.client.get(secrets, { namespace: world.namespace, name: status?.secretRef?.name ?? '' })
  return Buffer.from(secret?.data?.['url'] ?? '', 'base64').toString()
}

/** `Refused/ConsoleDenied: …` or `Ended/Suspended: …`. */
export async function verdictOf(world: TestWorld, name: string): Promise<string> {
  const { status } = await untilPhase(world, name, 'Refused', 'Ended')
  return `${status?.phase}/${status?.conditions?.find(({ type }) => type === 'Ready')?.reason}: ${status?.message}`
}
