import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers'
import { root } from '../house/sources.ts'
import { requirePort } from '../../src/local-stack/ports.ts'
import { testKubeconfig } from '../support/kube.ts'
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
  let container: StartedTestContainer
  let health = ''
  let metrics = ''
  const log: string[] = []

  beforeAll(async () => {
    // Ryuk, the reaper of testcontainers, would be pulled from a registry.
    process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'
    execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'src/release/image.ts')], { stdio: 'ignore' })
    dir = await mkdtemp(join(tmpdir(), 'pve-image-'))
    copyFileSync(testKubeconfig(), join(dir, 'kubeconfig'))
    chmodSync(dir, 0o755)
    chmodSync(join(dir, 'kubeconfig'), 0o644)
    health = `127.0.0.1:${await requirePort()}`
    metrics = `127.0.0.1:${await requirePort()}`
    const flags = ['--kubeconfig', '/kube/kubeconfig', '--health-addr', health, '--metrics-addr', metrics]
    container = await new LikeThePod(image)
      .withNetworkMode('host')
      .withBindMounts([{ source: dir, target: '/kube', mode: 'ro' }])
      .withCommand(['run', ...flags])
      .withLogConsumer((stream) => stream.on('data', (line: Buffer) => log.push(line.toString())))
      .withWaitStrategy(Wait.forLogMessage(/./))
      .start()
  }, 120_000)

  afterAll(async () => {
    await container?.stop().catch(() => undefined)
    await rm(dir, { recursive: true, force: true })
  })

  it('becomes ready as nobody on a read-only file system', async () => {
    await until('the operator in the container is ready', async () => (await fetch(`http://${health}/readyz`)).ok, {
      describe: () => log.join('').slice(-2_000),
    })

    expect((await fetch(`http://${health}/healthz`)).status).toBe(200)
  })

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
    const id = container.getId()

    execFileSync('docker', ['kill', '--signal', 'TERM', id])
    const code = execFileSync('docker', ['wait', id], { encoding: 'utf8' })

    expect(code.trim()).toBe('0')
  })
})
