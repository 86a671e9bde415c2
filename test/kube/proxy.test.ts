import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { KubeClient } from '../../src/kube/client.ts'
import { loadKubeServer } from '../../src/kube/config.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { connectProxy, type Proxy, socksProxy } from './proxies.ts'
import { TlsApi } from './tls-api.ts'

let api: TlsApi
let proxy: Proxy | undefined
beforeEach(async () => {
  api = await TlsApi.start()
  await api.writeClient('jane')
})
afterEach(async () => {
  await proxy?.close()
  proxy = undefined
  await api.stop()
})

async function askThrough(url: string): Promise<unknown> {
  const server = await loadKubeServer({ kubeconfig: await api.kubeconfig({ cluster: { 'proxy-url': url } }) })
  const client = new KubeClient({ server, clock: systemClock, fieldManager: 'test' })
  try {
    return await client.request('GET', '/api')
  } finally {
    await client.close()
  }
}

const host = (): string => new URL(api.url).host

describe("a kubeconfig's proxy-url", () => {
  it('leads through an HTTP proxy, with its login', async () => {
    proxy = await connectProxy()

    expect(await askThrough(proxy.url.replace('//', '//user:p%40ss@'))).toMatchObject({ user: 'jane.sim.local' })
    expect(proxy.tunnels).toEqual([{ to: host(), as: `Basic ${Buffer.from('user:p@ss').toString('base64')}` }])
  })

  it('leads through an HTTPS proxy whose certificate is of the same authority', async () => {
    proxy = await connectProxy({ tls: api })

    expect(await askThrough(proxy.url)).toMatchObject({ user: 'jane.sim.local' })
    expect(proxy.tunnels).toEqual([{ to: host(), as: undefined }])
  })

  it('leads through a SOCKS 5 proxy', async () => {
    proxy = await socksProxy()

    expect(await askThrough(proxy.url)).toMatchObject({ user: 'jane.sim.local' })
    expect(proxy.tunnels).toEqual([{ to: host(), as: undefined }])
  })

  it('that leads nowhere is a server that does not answer, never a straight connection', async () => {
    await expect(askThrough('http://127.0.0.1:1')).rejects.toMatchObject({ status: 0 })
    await expect(askThrough('socks5://127.0.0.1:1')).rejects.toMatchObject({ status: 0 })
  })

  it.each(['ftp://10.0.0.1:21', 'socks4://10.0.0.1:1080', '10.0.0.1:3128'])('of another kind is refused by name: %s', async (url) => {
    await expect(askThrough(url)).rejects.toThrow(
      `cluster "c" of the kubeconfig has proxy-url "${url}", which is not supported: write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT`,
    )
  })
})
