/** `make demo CONSOLE=1`: a broker beside the operator, and a URL that shows the screen of an example VM, once. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeObject } from '../api/meta.ts'
import { proxmoxClusters, proxmoxVMConsoles, secrets } from '../api/meta.ts'
import type { LocalStack } from '../local-stack/local-stack.ts'

const login = { tokenID: 'viewer@pve!console', tokenSecret: 'looks-only' }
const secretKey = { namespace: 'pve-system', name: 'pve-console-login' }
/** Of the example's cluster object. */
const cluster = 'fra1'

/** A scenario file in which the broker has a token that may look at screens and do nothing else. */
export async function consoleScenario(): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'pve-demo-')), 'console.json')
  const scenario = {
    users: [{ userid: 'root@pam' }, { userid: 'viewer@pve' }],
    tokens: [
      { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
      { tokenid: login.tokenID, secret: login.tokenSecret, privsep: true },
    ],
    roles: { ConsoleOnly: ['VM.Console'] },
    acl: ['user', 'token'].map((type) => ({
      path: '/vms',
      type,
      ugid: type === 'user' ? 'viewer@pve' : login.tokenID,
      roleid: 'ConsoleOnly',
    })),
  }
  await writeFile(file, JSON.stringify(scenario))
  return file
}

/** Starts the broker, lets the cluster have consoles, and answers with the URL of one. */
export async function openConsoleOf(stack: LocalStack, vm: { namespace: string; name: string }): Promise<string> {
  const url = await stack.startConsole()
  await stack.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: secretKey, stringData: login })
  await stack.client.mergePatch(proxmoxClusters, { name: cluster }, { spec: { console: { url, credentialsSecretRef: secretKey } } })
  const viewing: KubeObject & { spec: object } = {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMConsole',
    metadata: { namespace: vm.namespace, name: `${vm.name}-demo` },
    spec: { vmRef: { name: vm.name }, ttl: { open: '10m', stay: '2h' } },
  }
  // The operator hears of spec.console by its watch.
  const deadlineMs = performance.now() + 30_000
  await stack.manifests.apply([viewing])
  for (;;) {
    const { status } = (await stack.client.get(proxmoxVMConsoles, { namespace: vm.namespace, name: `${vm.name}-demo` })) ?? {}
    const secret = status?.secretRef && (await stack.client.get(secrets, { namespace: vm.namespace, name: status.secretRef.name }))
    const shown = Buffer.from(secret?.data?.['url'] ?? '', 'base64').toString('utf8')
    if (shown) return shown
    if (status?.phase === 'Refused' || performance.now() > deadlineMs)
      throw new Error(`there is no console: ${status?.message ?? 'not judged'}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
