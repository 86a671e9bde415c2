import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { root } from '../house/sources.ts'
import { isTrue } from '../../src/api/condition.ts'
import { proxmoxVMs } from '../../src/api/meta.ts'
import { ensureBinaries } from '../../src/controlplane/binaries.ts'
import { type ControlPlane, startControlPlane } from '../../src/controlplane/controlplane.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { Manifests } from '../../src/kube/manifests.ts'
import { readManifests } from '../../src/local-stack/local-stack.ts'
import { requirePort } from '../../src/local-stack/ports.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { until } from '../support/until.ts'

const docker = spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0
if (!docker) process.stderr.write('test/release/image.test.ts skips: no docker daemon answers (.ci/run starts one where it may)\n')

/** As the Deployment runs it: nobody's user, nothing writable, no capabilities. */
class LikeThePod extends GenericContainer {
  constructor(image: string) {
    super(image)
    this.hostConfig.ReadonlyRootfs = true
    this.hostConfig.CapDrop = ['ALL']
    this.hostConfig.SecurityOpt = ['no-new-privileges']
  }
}

const suite = docker ? describe : describe.skip

suite('the image', () => {
  const image = 'pve-operator:0.1.0'
  let dir = ''
  let controlPlane: ControlPlane
  let client: KubeClient
  let simulator: StartedTestContainer
  let operator: StartedTestContainer
  let health = ''
  let metrics = ''
  const log: string[] = []

  /** Host network: the API server of the test listens on loopback. */
  const started = (command: readonly string[]): Promise<StartedTestContainer> =>
    new LikeThePod(image)
      .withNetworkMode('host')
      .withBindMounts([{ source: dir, target: '/kube', mode: 'ro' }])
      .withCommand([...command])
      .withLogConsumer((stream) => stream.on('data', (line: Buffer) => log.push(line.toString())))
      .withWaitStrategy(Wait.forLogMessage(/./))
      .start()

  /** What Node in the container says of an expression. */
  const inside = (container: StartedTestContainer, expression: string): string =>
    execFileSync('docker', ['exec', container.getId(), '/usr/local/bin/node', '-p', expression], { encoding: 'utf8' }).trim()

  beforeAll(async () => {
    // Ryuk, the reaper of testcontainers, would be pulled from a registry.
    process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'
    execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'src/release/image.ts')], {
      stdio: 'ignore',
      env: { ...process.env, ARCH: 'amd64' },
    })
    dir = await mkdtemp(join(tmpdir(), 'pve-image-'))
    const { KUBEBUILDER_ASSETS: assetsDir, XDG_CACHE_HOME: cacheDir } = process.env
    const binaries = await ensureBinaries({ ...(assetsDir && { assetsDir }), ...(cacheDir && { cacheDir }), log: () => undefined })
    controlPlane = await startControlPlane({ dir: join(dir, 'controlplane'), binaries, ephemeral: true })
    client = new KubeClient({ server: controlPlane.server, fieldManager: 'image-test', clock: systemClock })
    copyFileSync(controlPlane.kubeconfigPath, join(dir, 'kubeconfig'))
    chmodSync(dir, 0o755)
    chmodSync(join(dir, 'kubeconfig'), 0o644)
    const manifests = new Manifests({ client, clock: systemClock })
    await manifests.apply(await readManifests('crds'))
    const pve = `127.0.0.1:${await requirePort()}`
    simulator = await started(['simulate', '--listen', pve, '--speed', '5'])
    health = `127.0.0.1:${await requirePort()}`
    metrics = `127.0.0.1:${await requirePort()}`
    operator = await started(['run', '--kubeconfig', '/kube/kubeconfig', '--health-addr', health, '--metrics-addr', metrics])
    await manifests.apply(await readManifests('deploy/examples', /^\d\d-/, (text) => text.replaceAll('127.0.0.1:8006', pve)))
  }, 300_000)

  afterAll(async () => {
    for (const container of [operator, simulator]) await container?.stop().catch(() => undefined)
    await client?.close()
    await controlPlane?.stop()
    await rm(dir, { recursive: true, force: true })
  })

  it('becomes ready as nobody on a read-only file system', async () => {
    await until('the operator in the container is ready', async () => (await fetch(`http://${health}/readyz`)).ok, {
      describe: () => log.join('').slice(-2_000),
    })

    expect((await fetch(`http://${health}/healthz`)).status).toBe(200)
  })

  it('makes the examples Ready, operator and simulator both from the image', async () => {
    const vms = await until(
      'every example is Ready',
      async () => {
        const found = await client.list(proxmoxVMs)
        return found.length > 2 && found.every(({ status }) => isTrue(status?.conditions, 'Ready')) && found
      },
      { seconds: 120, everyMs: 250, describe: () => log.join('').slice(-2_000) },
    )

    expect(vms.map(({ metadata, status }) => `${metadata.name} ${status?.phase}`).toSorted()).toEqual([
      'mail Running',
      'small Running',
      'whmcs-5546 Running',
    ])
  })

  it.each(['operator', 'simulator'])(
    'confines the %s: its own seccomp filter, no capability, no way to new privileges, nothing to write to',
    (which) => {
      const container = which === 'operator' ? operator : simulator
      const status = inside(container, 'require("fs").readFileSync("/proc/1/status", "utf8")')
      const fact = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''

      expect({
        uid: fact('Uid'),
        capabilities: fact('CapEff'),
        bounding: fact('CapBnd'),
        noNewPrivileges: fact('NoNewPrivs'),
        seccomp: fact('Seccomp'),
      }).toEqual({
        uid: '65532\t65532\t65532\t65532',
        capabilities: '0000000000000000',
        bounding: '0000000000000000',
        noNewPrivileges: '1',
        // 2: a filter is in force (proc(5))
        seccomp: '2',
      })
      for (const folder of ['/app', '/tmp', '/etc'])
        expect(inside(container, `try { require("fs").writeFileSync("${folder}/x", ""); "written" } catch (fault) { fault.code }`)).toBe(
          'EROFS',
        )
    },
  )

  it('says its version in the metrics and in a label', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    const label = execFileSync('docker', ['inspect', '--format', '{{index .Config.Labels "org.opencontainers.image.version"}}', image], {
      encoding: 'utf8',
    })

    expect(label.trim()).toBe(version)
    expect(await (await fetch(`http://${metrics}/metrics`)).text()).toContain(`pve_operator_build_info{version="${version}"`)
  })

  it('carries the licences of what it links', () => {
    const listed = execFileSync(
      'docker',
      ['run', '--rm', '--entrypoint', '/usr/local/bin/node', image, '-p', 'require("fs").readdirSync("/licenses").join()'],
      { encoding: 'utf8' },
    )

    expect(listed.trim()).toBe('LICENSE,NOTICE,THIRD-PARTY,debian,sbom.spdx.json')
  })

  it('stops with 0 when it is told to', async () => {
    const id = operator.getId()

    execFileSync('docker', ['kill', '--signal', 'TERM', id])
    const code = execFileSync('docker', ['wait', id], { encoding: 'utf8' })

    expect(code.trim()).toBe('0')
  })
})
