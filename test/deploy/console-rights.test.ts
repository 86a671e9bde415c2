/** The broker with the rights of deploy/console, and the chart that ships it. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../src/api/meta.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { ensureHelm } from '../../src/release/helm.ts'
import { startBroker } from '../console/brokers.ts'
import { makeConsole, setConsole, untilPhase, urlOf, worldWithConsoles } from '../console/consoles.ts'
import { PageClient } from '../console/page-client.ts'
import { root } from '../house/sources.ts'
import type { TestWorld } from '../support/world.ts'
import { Helm, helmIsHere } from './helm.ts'

interface Shipped extends KubeObject {
  rules?: { resources: string[]; resourceNames?: string[]; verbs: string[] }[]
  spec?: { replicas: number; template: { spec: { containers: { args: string[] }[]; volumes?: unknown[] } } }
}
const shipped = () => parseManifests(readFileSync(join(root, 'deploy/console/console.yaml'), 'utf8')) as Shipped[]
const serviceAccount = {
  user: 'system:serviceaccount:pve-system:pve-operator-console',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:pve-system', 'system:authenticated'],
}

describe('a broker with no more rights than deploy/console gives', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await worldWithConsoles()
    // The Secret of this world is in its own namespace.
    const rights = shipped()
      .filter(({ kind }) => ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'].includes(kind))
      .map((object) => ({
        ...object,
        metadata: { ...object.metadata, ...(object.metadata.namespace && { namespace: world.namespace }) },
        ...(object.kind === 'Role' && { rules: object.rules?.map((rule) => ({ ...rule, resourceNames: ['console-login'] })) }),
      }))
    await new Manifests({ client: world.client, clock: systemClock }).apply(rights)
    await world.born('shop')
  })
  afterAll(() => world.stop())

  it('opens a console and shows its screen', async () => {
    const broker = await startBroker(world, { as: serviceAccount })
    try {
      await setConsole(world, { url: broker.url })
      const name = await makeConsole(world, 'shop')
      const page = await PageClient.open(await urlOf(world, name))
      await page.welcome()
      expect((await page.seeScreen()).name).toBe('shop')
      page.close()
      await untilPhase(world, name, 'Open')
    } finally {
      await broker.stop()
    }
  })

  it('may read one Secret and write nothing but the status of consoles and Events', () => {
    const rules = shipped().flatMap((object) => object.rules ?? [])
    const writes = rules.filter(({ verbs }) => verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)))
    expect(writes.map(({ resources }) => resources).flat()).toEqual(['proxmoxvmconsoles/status', 'events'])
    const secrets = rules.filter(({ resources }) => resources.includes('secrets'))
    expect(secrets).toMatchObject([{ verbs: ['get'], resourceNames: ['pve-console-login'] }])
  })
})

const suite = helmIsHere() ? describe : describe.skip
suite('the chart', () => {
  it('ships the broker behind console.enabled, with its Secrets, proxies, certificate and ingress', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'pve-chart-'))
    const { XDG_CACHE_HOME: cacheDir } = process.env
    const program = await ensureHelm({ ...(cacheDir && { cacheDir }), log: (line) => process.stderr.write(`${line}\n`) })
    const helm = new Helm({ program, home: directory, kubeconfig: join(directory, 'none') })
    const values = [
      'enabled=true',
      'credentialsSecrets={fra1-console}',
      'trustedProxies={10.0.0.0/8}',
      'tlsSecret=console-tls',
      'ingress.enabled=true',
    ]
    const flags = values.flatMap((value) => ['--set', `console.${value}`])
    const text = helm.do('template', 'pve-operator', join(root, 'deploy/chart'), '--namespace', 'hosting', ...flags)
    const objects = parseAllDocuments(text).map((document) => document.toJS() as Shipped | null)
    const of = (kind: string) => objects.find((object) => object?.kind === kind && object.metadata.name === 'pve-operator-console')
    expect(of('Role')?.rules?.[0]?.resourceNames).toEqual(['fra1-console'])
    expect(of('Deployment')?.metadata.namespace).toBe('hosting')
    const pod = of('Deployment')?.spec?.template.spec
    expect(pod?.containers[0]?.args).toEqual(expect.arrayContaining(['console', '--trusted-proxies=10.0.0.0/8', '--tls-cert=/tls/tls.crt']))
    expect(pod?.volumes).toHaveLength(1)
    expect(of('Ingress')).toBeDefined()
    await rm(directory, { recursive: true })
  }, 1_200_000)
})
