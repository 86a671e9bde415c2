import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { KubeClient } from '../../src/kube/client.ts'
import { loadKubeServer } from '../../src/kube/config.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { freshName, freshNamespace, testClient, testKubeconfig, testServer } from '../support/kube.ts'
import { type ConfigMap, configMap, configMaps } from './config-maps.ts'

const seen: { verb: string; resource: string; status: number }[] = []
const client = testClient({ onRequest: (request) => seen.push(request) })
let namespace: string
beforeAll(async () => {
  namespace = await freshNamespace(client)
})
afterAll(() => client.close())

describe('the client', () => {
  it('answers undefined for what is not there, and is content to delete it', async () => {
    expect(await client.get(configMaps, { namespace, name: 'absent' })).toBeUndefined()
    await expect(client.delete(configMaps, { namespace, name: 'absent' })).resolves.toBeUndefined()
  })

  it('replaces only the version it has read', async () => {
    const made = await client.create(configMaps, configMap(namespace, 'cas'))
    await client.replace(configMaps, { ...made, data: { a: '1' } })
    await expect(client.replace(configMaps, { ...made, data: { a: '2' } })).rejects.toMatchObject({ status: 409, reason: 'Conflict' })
  })

  it('deletes only the object it means', async () => {
    await client.create(configMaps, configMap(namespace, 'precious'))
    const another = { uid: '00000000-0000-4000-8000-000000000000' }
    await expect(client.delete(configMaps, { namespace, name: 'precious' }, another)).rejects.toMatchObject({ reason: 'Conflict' })
    expect(await client.get(configMaps, { namespace, name: 'precious' })).toBeDefined()
  })

  it('names the reason of a refusal', async () => {
    await client.create(configMaps, configMap(namespace, 'twice'))
    await expect(client.create(configMaps, configMap(namespace, 'twice'))).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' })
    await expect(client.create(configMaps, configMap(namespace, 'No_Name'))).rejects.toMatchObject({ status: 422, reason: 'Invalid' })
  })

  it('merges a patch and applies what it owns', async () => {
    const key = { namespace, name: 'patched' }
    await client.create(configMaps, configMap(namespace, 'patched', { kept: '1', changed: '1' }))
    await client.mergePatch(configMaps, key, { data: { changed: '2' } })
    const applied = await client.apply<ConfigMap>(configMaps, configMap(namespace, 'patched', { added: '3' }), { fieldManager: 'another' })
    expect(applied.data).toEqual({ kept: '1', changed: '2', added: '3' })
  })

  it('lists more than a page, each item with its kind', async () => {
    const many = await freshNamespace(client)
    const names = Array.from({ length: 501 }, (_, index) => `item-${index}`)
    await Promise.all(names.map((name) => client.create(configMaps, configMap(many, name))))
    const listed = await client.list(configMaps, { namespace: many })
    expect(new Set(listed.map((object) => object.metadata.name))).toEqual(new Set(names))
    expect(listed[500]).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' })
    const sizes: number[] = []
    for await (const page of client.pages(configMaps, { namespace: many })) sizes.push(page.items.length)
    expect(sizes).toEqual([500, 1])
  })

  it('tells of each request by verb, resource and status', async () => {
    seen.length = 0
    await client.get(configMaps, { namespace, name: 'absent' })
    expect(seen).toEqual([{ verb: 'GET', resource: 'configmaps', status: 404, seconds: expect.any(Number) }])
  })

  it('tells when nobody answers, instead of waiting', async () => {
    const nowhere = new KubeClient({ server: { url: 'https://127.0.0.1:1' }, clock: systemClock, fieldManager: 'test' })
    await expect(nowhere.list(configMaps)).rejects.toMatchObject({ status: 0, reason: 'NoAnswer' })
    await nowhere.close()
  })
})

// The server of the run cannot be made to say 429 or to revoke a token when a test wants it to. This is not one: it answers with a status.
async function answering(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}/prefix`, close: () => new Promise((resolve) => server.close(() => resolve())) }
}

describe('a request', () => {
  it('that the server puts off is sent again when it said', async () => {
    const paths: string[] = []
    const server = await answering((request, response) => {
      paths.push(request.url ?? '')
      if (paths.length === 1) response.writeHead(429, { 'retry-after': '1' }).end('busy')
      else response.end('{"kind":"Done"}')
    })
    const put = new KubeClient({ server, clock: systemClock, fieldManager: 'test' })
    const startedMs = performance.now()
    expect(await put.request('POST', '/api', {})).toEqual({ kind: 'Done' })
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(990)
    expect(paths).toEqual(['/prefix/api', '/prefix/api'])
    await put.close()
    await server.close()
  })

  it('that a proxy answers with 404 tells of no absence', async () => {
    const server = await answering((_request, response) => void response.writeHead(404).end('<h1>404 Not Found</h1>'))
    const lost = new KubeClient({ server, clock: systemClock, fieldManager: 'test' })
    const refused = { status: 404, reason: 'Unknown', message: expect.stringContaining('a proxy answered 404 in place of the API server') }
    await expect(lost.get(configMaps, { namespace: 'a', name: 'there' })).rejects.toMatchObject(refused)
    await expect(lost.delete(configMaps, { namespace: 'a', name: 'there' })).rejects.toMatchObject(refused)
    await lost.close()
    await server.close()
  })

  it('that reads asks for gzip, and takes either answer', async () => {
    const asked: (string | undefined)[] = []
    const server = await answering((request, response) => {
      asked.push(request.headers['accept-encoding'])
      const zipped = request.headers['accept-encoding'] === 'gzip'
      if (zipped) response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(zipped ? gzipSync('{"kind":"Zipped"}') : '{"kind":"Plain"}')
    })
    const put = new KubeClient({ server, clock: systemClock, fieldManager: 'test' })
    expect(await put.request('GET', '/api')).toEqual({ kind: 'Zipped' })
    expect(await put.request('POST', '/api', {})).toEqual({ kind: 'Plain' })
    expect(asked).toEqual(['gzip', undefined])
    await put.close()
    await server.close()
  })

  it('whose zipped answer is broken has no answer', async () => {
    const server = await answering((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('{}'))
    const put = new KubeClient({ server, clock: systemClock, fieldManager: 'test' })
    await expect(put.request('GET', '/api')).rejects.toMatchObject({ status: 0, reason: 'NoAnswer' })
    await put.close()
    await server.close()
  })

  it('refused for its token is sent once more with a fresh one', async () => {
    const server = await answering((request, response) => {
      if (request.headers.authorization === 'Bearer new') response.end('{}')
      else response.writeHead(401).end()
    })
    const authorization = ({ fresh }: { fresh: boolean }): Promise<string> => Promise.resolve(fresh ? 'Bearer new' : 'Bearer old')
    const put = new KubeClient({ server: { ...server, authorization }, clock: systemClock, fieldManager: 'test' })
    await expect(put.request('GET', '/api')).resolves.toEqual({})
    await put.close()
    await server.close()
  })
})

describe('a kubeconfig', () => {
  it('is read with its login and context', async () => {
    const server = await loadKubeServer({ kubeconfig: testKubeconfig() })
    expect(server).toMatchObject({ url: testServer().url, ca: testServer().ca, namespace: 'default' })
    const loaded = new KubeClient({ server, clock: systemClock, fieldManager: 'test' })
    expect(await loaded.list(configMaps, { namespace })).not.toHaveLength(0)
    await loaded.close()
  })

  it('may act as somebody else, groups included', async () => {
    const own = JSON.parse(JSON.stringify(testServer())) as { url: string; ca: string }
    const file = join(tmpdir(), freshName('kubeconfig'))
    await writeFile(
      file,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: own.url } }],
        users: [{ name: 'u', user: { token: 't', as: 'jane', 'as-groups': ['dev', 'ops'] } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    )
    const server = await loadKubeServer({ kubeconfig: file })
    expect(server.impersonate).toEqual({ user: 'jane', groups: ['dev', 'ops'] })
    expect(await server.authorization?.({ fresh: false })).toBe('Bearer t')
  })
})

describe('manifests', () => {
  it('of any kind are applied in order, and again without harm', async () => {
    const manifests = new Manifests({ client, clock: systemClock })
    const name = freshName()
    const objects = parseManifests(`
apiVersion: v1
kind: Namespace
metadata: {name: ${name}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: ${name}}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]
---
`)
    await manifests.apply(objects)
    const [, role] = await manifests.apply(objects)
    expect(role).toMatchObject({ kind: 'Role', metadata: { name: 'reader', namespace: name } })
  })

  it('of a kind the server does not know are refused by name', async () => {
    const manifests = new Manifests({ client, clock: systemClock })
    const unknown = { apiVersion: 'v1', kind: 'Unicorn', metadata: { name: 'x' } }
    await expect(manifests.apply([unknown])).rejects.toThrow('the API server does not know kind Unicorn of v1')
  })
})
