import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { KubeClient } from '../../src/kube/client.ts'
import { loadKubeServer } from '../../src/kube/config.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { until } from '../support/until.ts'
import { TlsApi } from './tls-api.ts'

interface Said {
  user?: string
  connection: number
  authorization?: string
}

let api: TlsApi
const clients: KubeClient[] = []
beforeEach(async () => {
  api = await TlsApi.start()
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await api.stop()
})

async function clientOf(kubeconfig: string): Promise<KubeClient> {
  const client = new KubeClient({ server: await loadKubeServer({ kubeconfig }), clock: systemClock, fieldManager: 'test' })
  clients.push(client)
  return client
}
const ask = async (client: KubeClient): Promise<Said> => (await client.request('GET', '/api')) as Said
const userOf = (client: KubeClient): Promise<string | undefined> =>
  ask(client).then(
    ({ user }) => user,
    () => undefined,
  )

describe('a running client', () => {
  it('shows a client certificate that was rotated, on new connections', async () => {
    await api.writeClient('first')
    const client = await clientOf(await api.kubeconfig())
    const before = await ask(client)
    expect(before.user).toBe('first.sim.local')

    await api.writeClient('second')

    await until('the new certificate', async () => (await userOf(client)) === 'second.sim.local')
    expect((await ask(client)).connection).toBeGreaterThan(before.connection)
  })

  it('reads its certificate again at once when the old one is refused', async () => {
    await api.writeClient('first')
    const client = await clientOf(await api.kubeconfig())
    await ask(client)

    await api.writeClient('second')
    api.refuse('first.sim.local')

    expect((await ask(client)).user).toBe('second.sim.local')
  })

  it('goes on with the old pair while certificate and key do not fit together', async () => {
    await api.writeClient('first')
    const client = await clientOf(await api.kubeconfig())
    await api.writeClient('second', { key: false })
    api.refuse('first.sim.local')
    await expect(ask(client)).rejects.toMatchObject({ status: 401 })

    api.refuseNobody()

    expect((await ask(client)).user).toBe('first.sim.local')
  })

  it('trusts the authority that is in the file now', async () => {
    await api.writeClient('first')
    const client = await clientOf(await api.kubeconfig())
    await ask(client)

    api.rotateAuthority()
    await expect(ask(client)).rejects.toMatchObject({ status: 0 })
    await api.writeClient('first')
    await api.writeCa()

    await until('an answer', async () => (await userOf(client)) === 'first.sim.local')
  })

  it('keeps trusting the authority it knows while the file is half written', async () => {
    await api.writeClient('first')
    const client = await clientOf(await api.kubeconfig())
    const { connection } = await ask(client)
    await api.writeCa('')
    await api.writeClient('second')
    api.refuse('first.sim.local')
    await expect(ask(client)).rejects.toMatchObject({ status: 401 })

    api.refuseNobody()

    expect(await ask(client)).toMatchObject({ user: 'first.sim.local', connection })
  })

  it('takes a token from tokenFile, without its newline, and again when the token is refused', async () => {
    await writeFile(api.file('token'), 'old\n')
    const client = await clientOf(await api.kubeconfig({ user: { tokenFile: 'token' } }))
    expect((await ask(client)).authorization).toBe('Bearer old')

    await writeFile(api.file('token'), 'new\n')
    api.refuse('Bearer old')

    expect((await ask(client)).authorization).toBe('Bearer new')
  })

  it('asks an exec plugin again when its token is refused, though that had no end', async () => {
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'TOKEN' } }
    const script = `let fs = require('node:fs'); process.stdout.write(fs.readFileSync(${JSON.stringify(api.file('answer'))}))`
    const answer = (token: string): Promise<void> => writeFile(api.file('answer'), JSON.stringify(credential).replace('TOKEN', token))
    await answer('old')
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] }
    const client = await clientOf(await api.kubeconfig({ user: { exec } }))
    expect((await ask(client)).authorization).toBe('Bearer old')

    await answer('new')
    api.refuse('Bearer old')

    expect((await ask(client)).authorization).toBe('Bearer new')
  })
})
