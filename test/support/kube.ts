import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import { parse } from 'yaml'
import { namespaces } from '../../src/api/meta.ts'
import { KubeClient } from '../../src/kube/client.ts'
import type { KubeServer } from '../../src/kube/config.ts'
import { systemClock } from '../../src/ops/clock.ts'

/** The kubeconfig (admin) of the run's control plane, made by global-setup.mjs. */
export function testKubeconfig(): string {
  const path = process.env['PVE_OPERATOR_TEST_KUBECONFIG']
  if (!path) throw new Error('this test needs the control plane: run it without PVE_OPERATOR_NO_CONTROLPLANE')
  return path
}

/** Parsed here, not by loadKubeServer: client-node would cost each test file a second. */
export function testServer(): KubeServer {
  const config = parse(readFileSync(testKubeconfig(), 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }]
    users: [{ user: { token: string } }]
  }
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster
  const { token } = config.users[0].user
  return { url: server, ca: Buffer.from(ca, 'base64').toString(), authorization: () => Promise.resolve(`Bearer ${token}`) }
}

/** An admin's client, or with `as` somebody else's; unknown fields are refused. Close it in afterAll. */
export function testClient(
  o: {
    fieldManager?: string
    as?: { user: string; groups: readonly string[] }
    onRequest?: (x: { verb: string; resource: string; status: number }) => void
    onPutOff?: (x: { verb: string; resource: string; seconds: number }) => void
  } = {},
): KubeClient {
  return new KubeClient({
    server: { ...testServer(), ...(o.as && { impersonate: o.as }) },
    clock: systemClock,
    fieldManager: o.fieldManager ?? 'test',
    fieldValidation: 'Strict',
    ...(o.onRequest && { onRequest: o.onRequest }),
    ...(o.onPutOff && { onPutOff: o.onPutOff }),
  })
}

/** A name nothing else has: for cluster-scoped objects and namespaces, as one server serves all test files. */
export const freshName = (prefix = 'test'): string => `${prefix}-${randomBytes(4).toString('hex')}`

/** A namespace of its own. It is never deleted: no controller-manager runs that would finish it. */
export async function freshNamespace(client: KubeClient, labels: Record<string, string> = {}): Promise<string> {
  const name = freshName()
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  return name
}

/** What `kubectl get -o wide` prints of one of our kinds: the server makes the table. */
export async function tableOf(plural: string, namespace: string): Promise<{ columns: string[]; rows: unknown[][] }> {
  const { url, ca, authorization } = testServer()
  const dispatcher = new Agent({ connect: { ca } })
  const answer = await request(`${url}/apis/pve.hosting/v1alpha1/namespaces/${namespace}/${plural}`, {
    dispatcher,
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io', authorization: (await authorization?.({ fresh: false })) ?? '' },
  })
  const table = (await answer.body.json()) as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] }
  await dispatcher.close()
  return { columns: table.columnDefinitions.map(({ name }) => name), rows: table.rows.map(({ cells }) => cells) }
}
