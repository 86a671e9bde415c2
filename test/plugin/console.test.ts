import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMConsoles } from '../../src/api/meta.ts'
import { setConsole, worldWithConsoles } from '../console/consoles.ts'
import { testKubeconfig } from '../support/kube.ts'
import type { TestWorld } from '../support/world.ts'
import { at, pve } from './terminal.ts'

describe('kubectl pve console', () => {
  let world: TestWorld
  const here = at(() => world.namespace)

  beforeAll(async () => {
    world = await worldWithConsoles('https://console.example.com')
    await world.born('shop')
    await world.born('dark', { runStrategy: 'Halted' })
  })
  afterAll(() => world.stop())

  it('prints the URL, and opens it where a browser is', async () => {
    const opened: string[] = []
    const args = ['console', 'shop', '--open', '-n', world.namespace, '--kubeconfig', testKubeconfig()]
    const { code, out } = await pve(args, { browse: (url) => Promise.resolve(void opened.push(url)) })
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`^https://console\\.example\\.com/#${world.namespace}/shop-console-[0-9a-f]{6}/[\\w-]{43}\n$`))
    expect(opened).toEqual([out.trim()])
  })

  it('makes the console as it was told', async () => {
    const { code, out } = await here('console', 'shop', '--read-only', '--stay', '30m', '-o', 'json')
    expect(code).toBe(0)
    const { console: name } = JSON.parse(out) as { console: string }
    const made = await world.client.get(proxmoxVMConsoles, { namespace: world.namespace, name })
    expect(made?.spec).toEqual({ vmRef: { name: 'shop' }, display: 'Screen', readOnly: true, ttl: { open: '60s', stay: '30m' } })
  })

  it('ends with 1 and the sentence of the operator when it is refused', async () => {
    expect(await here('console', 'dark')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        'kubectl pve: console dark: PreconditionFailed: The VM is off; start it, then create another console.\n',
      ),
    })
    expect(await here('console', 'nobody')).toMatchObject({ code: 1, err: expect.stringContaining('ProxmoxVM "nobody" does not exist') })
    await setConsole(world, undefined)
  })

  it('writes nothing with --dry-run', async () => {
    const before = await world.client.list(proxmoxVMConsoles, { namespace: world.namespace })
    expect(await here('console', 'shop', '--dry-run')).toMatchObject({ code: 0, out: expect.stringContaining('nothing was written') })
    expect(await world.client.list(proxmoxVMConsoles, { namespace: world.namespace })).toHaveLength(before.length)
  })
})
