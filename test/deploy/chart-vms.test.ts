/** helm beside VMs that run: install, upgrade, rollback and uninstall stop none of them, and an operator that comes back finds them all. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { KubeObject } from '../../src/api/meta.ts'
import { ensureHelm } from '../../src/release/helm.ts'
import { assertWhole, livesOf, type Lives } from '../drills/fleet.ts'
import { Scene } from '../drills/scene.ts'
import { root } from '../house/sources.ts'
import { testKubeconfig } from '../support/kube.ts'
import { Helm, helmIsHere } from './helm.ts'

const suite = helmIsHere() ? describe : describe.skip
const charts = { 'pve-operator-crds': join(root, 'deploy/chart-crds'), 'pve-operator': join(root, 'deploy/chart') }
const namespace = ['--namespace', 'pve-system']
/** As docs/helm.md says for objects that kubectl had applied. */
const takeOver = ['--take-ownership', '--force-conflicts']
const fleet = ['web', 'unpaid', 'halted']

suite('the charts beside VMs that run', () => {
  let directory: string
  let scene: Scene
  let helm: Helm
  let before: Lives

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pve-chart-vms-'))
    const { XDG_CACHE_HOME: cacheDir } = process.env
    const program = await ensureHelm({ ...(cacheDir && { cacheDir }), log: (line) => process.stderr.write(`${line}\n`) })
    scene = await Scene.open()
    helm = new Helm({ program, home: directory, kubeconfig: testKubeconfig() })
    await scene.order('web')
    await scene.order('unpaid', { suspensions: [{ by: 'billing', reason: 'unpaid' }] })
    await scene.order('halted', { runStrategy: 'Halted' })
    await scene.untilReady(fleet)
    before = await livesOf(scene, fleet)
  }, 1_200_000)
  afterAll(async () => {
    await scene?.close()
    await rm(directory, { recursive: true, force: true })
  })

  const install = (): void => {
    for (const [name, chart] of Object.entries(charts)) helm.do('install', name, chart, ...namespace, '--create-namespace', ...takeOver)
  }
  /** Nobody starts pods here: what a rollout does to the operator is done to its process. */
  const rolledOut = async (): Promise<void> => {
    await scene.stopOperator()
    await scene.startOperator()
  }
  /** Which guests run since when, and which objects are being deleted. */
  const everyVm = async () => ({
    lives: await livesOf(scene, fleet),
    leaving: (await scene.vms()).flatMap(({ metadata }) => (metadata.deletionTimestamp === undefined ? [] : [metadata.name])),
  })
  const deployment = async (): Promise<KubeObject | undefined> =>
    await scene.client
      .request('GET', '/apis/apps/v1/namespaces/pve-system/deployments/pve-operator')
      .then((found) => found as KubeObject)
      .catch((fault: unknown) => {
        if (String(fault).includes('not found')) return undefined
        throw fault
      })

  it('take over what kubectl had applied', async () => {
    expect(await readFile(join(root, 'docs/helm.md'), 'utf8')).toContain(`\`${takeOver.join(' ')}\``)
    install()
    await rolledOut()
    expect(await deployment()).toBeDefined()
    expect(await everyVm()).toEqual({ lives: before, leaving: [] })
  })

  it('are upgraded and rolled back', async () => {
    helm.do('upgrade', 'pve-operator-crds', charts['pve-operator-crds'], ...namespace)
    helm.do('upgrade', 'pve-operator', charts['pve-operator'], ...namespace, '--set', 'replicas=1,logLevel=debug')
    await rolledOut()
    expect(await everyVm()).toEqual({ lives: before, leaving: [] })
    helm.do('rollback', 'pve-operator', '1', ...namespace)
    await rolledOut()
    expect(await everyVm()).toEqual({ lives: before, leaving: [] })
  })

  it('are uninstalled, and installed again: the operator has every VM, and makes the next one', async () => {
    helm.do('uninstall', 'pve-operator', ...namespace)
    await scene.stopOperator()
    helm.run('uninstall', 'pve-operator-crds', ...namespace)
    expect(await deployment()).toBeUndefined()
    expect(await everyVm()).toEqual({ lives: before, leaving: [] })
    install()
    await scene.startOperator()
    await scene.order('next')
    await scene.untilReady([...fleet, 'next'])
    await assertWhole(scene, before, ['next'])
  })
})
