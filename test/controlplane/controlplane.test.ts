import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Agent, request } from 'undici'
import { type Binaries, ensureBinaries } from '../../src/controlplane/binaries.ts'
import { startControlPlane } from '../../src/controlplane/controlplane.ts'
import { KubeClient } from '../../src/kube/client.ts'
import type { KubeServer } from '../../src/kube/config.ts'
import { Store } from '../../src/kube/store.ts'
import { Reflector } from '../../src/kube/watch.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { type ConfigMap, configMap, configMaps } from '../kube/config-maps.ts'
import { FaultProxy } from '../kube/fault-proxy.ts'
import { until } from '../support/until.ts'

/** Each test starts the servers two or three times, on a machine that may be busy. */

let binaries: Binaries
let dir: string
beforeAll(async () => {
  const assetsDir = process.env['KUBEBUILDER_ASSETS']
  const cacheDir = process.env['XDG_CACHE_HOME']
  binaries = await ensureBinaries({ ...(assetsDir && { assetsDir }), ...(cacheDir && { cacheDir }), log: () => undefined })
  dir = await mkdtemp(join(tmpdir(), 'pve-operator-controlplane-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const clientOf = (server: KubeServer): KubeClient => new KubeClient({ server, clock: systemClock, fieldManager: 'test' })

/** Processes that live in the folder: both servers and their guardians do. */
async function processesIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const cwds = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return pids.filter((_, index) => cwds[index] === folder)
}

async function command(): Promise<{ child: ChildProcess; exited: Promise<number | null> }> {
  const script = join(import.meta.dirname, 'run-command.ts')
  const child = spawn(process.execPath, [script, dir, dirname(binaries.etcd)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()))
  await until('"ready" on a line', () => output.split('\n').includes('ready'))
  return { child, exited }
}

/** Makes etcd forget what was before that revision, as the API server does every five minutes. */
async function compact(folder: string, revision: string | undefined): Promise<void> {
  const etcd = new Agent({ connect: { socketPath: join(folder, 'etcd.sock') } })
  const body = JSON.stringify({ revision, physical: true })
  const answer = await request('http://etcd/v3/kv/compaction', { dispatcher: etcd, method: 'POST', body })
  expect([answer.statusCode, await answer.body.text()]).toMatchObject([200, expect.stringContaining('header')])
  await etcd.close()
}

describe('the control plane', () => {
  it('leaves nothing running when its parent is killed hard, and is refused a folder in use', async () => {
    const { child, exited } = await command()
    await expect(startControlPlane({ dir, binaries })).rejects.toThrow('is running')
    expect(await processesIn(dir)).not.toEqual([])
    child.kill('SIGKILL')
    await exited
    await until('no process', async () => (await processesIn(dir)).length === 0)
  })

  it('keeps data, address and logins over a restart, and stops cleanly on SIGTERM', async () => {
    const kubeconfig = await readFile(join(dir, 'kubeconfig'), 'utf8')
    const first = await startControlPlane({ dir, binaries, ephemeral: true })
    const client = clientOf(first.server)
    await client.create(configMaps, configMap('default', 'kept'))
    await first.stop()
    expect(await processesIn(dir)).toEqual([])
    const { child, exited } = await command()
    expect((await client.get(configMaps, { namespace: 'default', name: 'kept' }))?.metadata.name).toBe('kept')
    expect(await readFile(join(dir, 'kubeconfig'), 'utf8')).toBe(kubeconfig)
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
    expect(await processesIn(dir)).toEqual([])
    await client.close()
  })

  it('that cannot start says why', async () => {
    await expect(startControlPlane({ dir, binaries: { ...binaries, apiserver: '/bin/false' } })).rejects.toThrow(
      'kube-apiserver ended (code 1)',
    )
    await until('etcd has ended', async () => (await processesIn(dir)).length === 0)
  })

  it('restarted, its history compacted, under a reflector that missed it: 410, and the store is exact again', async () => {
    const before = await startControlPlane({ dir, binaries, ephemeral: true })
    const direct = clientOf(before.server)
    const proxy = await FaultProxy.to(before.server.url)
    const watching = clientOf({ ...before.server, url: proxy.url })
    const store = new Store<ConfigMap>()
    const problems: string[] = []
    const stop = new AbortController()
    const reflector = new Reflector({
      client: watching,
      resource: configMaps,
      store,
      clock: systemClock,
      selection: { namespace: 'default' },
      onProblem: (message) => problems.push(message),
    })
    const ran = reflector.run(stop.signal)
    await direct.create(configMaps, configMap('default', 'renewed'))
    await until('the first state', () => store.get('default/renewed'))
    proxy.refuse()
    await before.stop()
    const after = await startControlPlane({ dir, binaries, ephemeral: true })
    const changed = clientOf(after.server)
    await changed.delete(configMaps, { namespace: 'default', name: 'kept' })
    await changed.delete(configMaps, { namespace: 'default', name: 'renewed' })
    const renewed = await changed.create(configMaps, configMap('default', 'renewed'))
    await compact(dir, renewed.metadata.resourceVersion)
    await after.stop()
    const forgetful = await startControlPlane({ dir, binaries, ephemeral: true })
    proxy.pass()
    await until('the new state', () => store.get('default/renewed')?.metadata.uid === renewed.metadata.uid && !store.get('default/kept'), {
      describe: () => ({ store: store.list(), problems }),
    })
    expect(store.list()).toHaveLength(1)
    expect(problems.at(-1)).toContain('too old resource version')
    stop.abort()
    await ran
    for (const one of [direct, watching, changed]) await one.close()
    await proxy.close()
    await forgetful.stop()
  })
})
