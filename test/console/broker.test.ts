import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { coreEvents, proxmoxVMConsoles, secrets } from '../../src/api/meta.ts'
import { hashOf, parseLink } from '../../src/console/key.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'
import { newConsole, OpenPages, type RunningBroker, startBroker, worldWithBroker } from './brokers.ts'
import { consoleNamed, setLogin, untilPhase, verdictOf, viewerToken, viewerUser } from './consoles.ts'
import { PageClient } from './page-client.ts'

describe('the broker of consoles', () => {
  let world: TestWorld
  let broker: RunningBroker
  const pages = new OpenPages()
  const { open } = pages
  const consoleOf = (vm?: string, spec?: object) => newConsole(world, vm, spec)

  beforeAll(async () => {
    ;({ world, broker } = await worldWithBroker())
  })
  afterEach(() => pages.leave(broker))
  afterAll(async () => {
    await broker.stop()
    await world.stop()
  })

  const powerOf = (page: PageClient) => page.messages.findLast((message) => message.vm)?.vm?.power

  it('shows the screen and takes keys, and says who looks', async () => {
    const { name, url } = await consoleOf()
    const page = await open(url)
    expect(await page.welcome()).toMatchObject({ display: 'Screen', readOnly: false })
    expect(await page.vm()).toEqual({ name: 'shop', hostname: 'shop', power: 'running' })
    const size = await page.seeScreen()
    expect(size.name).toBe('shop')
    const before = await page.picture(size)
    page.press('x')
    expect((await page.reader.take(before.length)).equals(before)).toBe(false)
    const { status } = await untilPhase(world, name, 'Open')
    expect(status).toMatchObject({ openedBy: '127.0.0.1', connections: 1 })
    expect(Date.parse(status?.endsAt ?? '') - Date.parse(status?.openedAt ?? '')).toBe(7_200_000)
    await until(
      'its Secret is gone',
      async () => (await world.client.get(secrets, { namespace: world.namespace, name: `${name}-console` })) === undefined,
    )
    const event = await until('an Event is on the VM', async () =>
      (await world.client.list(coreEvents, { namespace: world.namespace })).find(
        ({ reason, note }) => reason === 'ConsoleOpened' && note?.includes(name),
      ),
    )
    expect(event.regarding).toMatchObject({ kind: 'ProxmoxVM', name: 'shop' })
    expect(event.note).toBe(`Somebody at 127.0.0.1 looks at the screen, by ProxmoxVMConsole ${name}.`)
  })

  it('opens a URL once: the second use is told that it was used', async () => {
    const { url } = await consoleOf()
    const first = await open(url)
    await first.welcome()
    const second = await open(url)
    expect(await second.ended()).toBe('used')
    expect(first.closeCode).toBeUndefined()
  })

  it.each(['lost after', '504 after'] as const)('opens a URL whose write is done although its answer is "%s"', async (fate) => {
    const { name, url } = await consoleOf()
    let isFirst = true
    broker.wire.judgedBy(({ what }) => {
      const isHit = isFirst && what === 'PUT proxmoxvmconsoles/status'
      if (isHit) isFirst = false
      return isHit ? fate : 'pass'
    })
    const page = await open(url)
    const { key } = await page.welcome()
    expect((await consoleNamed(world, name))?.status).toMatchObject({ connections: 1, keyHash: hashOf(key) })
    expect(isFirst).toBe(false)
    expect(await (await open(url)).ended()).toBe('used')
  })

  it('of two brokers lets one open a URL, however close they are', async () => {
    const other = await startBroker(world)
    try {
      const { url } = await consoleOf()
      const both = await Promise.all([open(url), open(url, { at: other.url })])
      const answers = await Promise.all(
        both.map((page) => until('it is decided', () => page.messages.find(({ welcome, end }) => welcome ?? end))),
      )
      expect(answers.map((message) => message.end ?? 'welcome').toSorted()).toEqual(['used', 'welcome'])
    } finally {
      pages.close()
      await other.stop()
    }
  })

  it('refuses a key of another VM, a wrong one, and a console that is not there, all alike', async () => {
    await world.born('other')
    const [mine, theirs] = [await consoleOf('shop'), await consoleOf('other')]
    const key = parseLink(new URL(theirs.url).hash)?.key ?? ''
    const words = async (url: string, o: object = {}) => await (await open(url, o)).ended()
    expect(await words(mine.url, { key })).toBe('invalid')
    expect(await words(mine.url, { key: 'A'.repeat(43) })).toBe('invalid')
    expect(await words(mine.url.replace(mine.name, 'never-was'))).toBe('invalid')
    const page = await open(mine.url)
    await page.welcome()
  })

  it('refuses one that was not opened in time', async () => {
    const { name, url } = await consoleOf('shop', { ttl: { open: '90s', stay: '1h' } })
    world.clock.skip(91_000)
    expect(await (await open(url)).ended()).toBe('unopened')
    expect(await verdictOf(world, name)).toMatch(/Nobody opened the URL in time/)
    expect(await (await open(url)).ended()).toBe('unopened')
  })

  it('resumes a session by the key of the last welcome, once, and tells the former page', async () => {
    const { name, url } = await consoleOf()
    const first = await open(url)
    const { key } = await first.welcome()
    const second = await open(url, { key })
    await second.welcome()
    expect(await first.ended()).toBe('displaced')
    expect(await (await open(url, { key })).ended()).toBe('invalid')
    expect((await consoleNamed(world, name))?.status?.connections).toBe(2)
    await second.seeScreen()
  })

  it('throws away keys and mouse where one may only look', async () => {
    const { url } = await consoleOf('shop', { readOnly: true })
    const page = await open(url)
    expect(await page.welcome()).toMatchObject({ readOnly: true })
    const size = await page.seeScreen()
    const before = await page.picture(size)
    page.press('y')
    expect((await page.picture(size)).equals(before)).toBe(true)
  })

  it('ends the session when the VM is suspended', async () => {
    await world.born('debtor')
    const { name, url } = await consoleOf('debtor')
    const page = await open(url)
    await page.welcome()
    await page.seeScreen()
    await world.edit('debtor', { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } })
    expect(await page.ended()).toBe('suspended')
    expect(await verdictOf(world, name)).toMatch(/^Ended\/Suspended: The VM is suspended by abuse \(spam\)/)
    expect(await (await open(url)).ended()).toMatch(/^(suspended|used)$/)
  })

  it('ends the session when the object is deleted, and when its time is over', async () => {
    const [deleted, short] = [await consoleOf(), await consoleOf('shop', { ttl: { open: '60s', stay: '5m' } })]
    const [one, two] = [await open(deleted.url), await open(short.url)]
    await one.welcome()
    await two.welcome()
    await world.client.delete(proxmoxVMConsoles, { namespace: world.namespace, name: deleted.name })
    expect(await one.ended()).toBe('closed')
    world.clock.skip(301_000)
    expect(await two.ended()).toBe('time')
    expect(await verdictOf(world, short.name)).toBe('Ended/ConsoleEnded: The time of the session has ended.')
  })

  it('ends the session when the VM is deleted', async () => {
    await world.born('leaving')
    const { url } = await consoleOf('leaving')
    const page = await open(url)
    await page.welcome()
    await world.delete('leaving')
    expect(await page.ended()).toBe('gone')
    await world.untilGone('leaving')
  })

  it('waits for a VM that is switched off, and shows its screen again', async () => {
    const vm = await world.born('sleepy')
    const { url } = await consoleOf('sleepy')
    const page = await open(url)
    await page.welcome()
    await page.seeScreen()
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    expect(await page.next('detached')).toMatch(/^(off|lost)$/)
    await until('the page is told', () => powerOf(page) === 'stopped')
    page.say({ attach: true })
    expect(await page.next('detached')).toBe('off')
    await world.inPve('POST', `${world.pathOf(vm)}/status/start`)
    await until('the page is told', () => powerOf(page) === 'running')
    await page.seeScreen()
  })

  it('tells the page when PVE cannot be reached, without a word of where it is, and tries again when asked', async () => {
    const { faults } = world.simulator
    const plan = faults.plan.bind(faults)
    let isAway = true
    faults.plan = (info) =>
      info.userid === viewerToken.tokenID && info.template.endsWith('/vncproxy') && isAway ? { drop: 'before' } : plan(info)
    const { url } = await consoleOf()
    const page = await open(url)
    await page.welcome()
    page.say({ attach: true })
    expect(await page.next('detached')).toBe('unreachable')
    isAway = false
    await page.seeScreen()
    expect(JSON.stringify(page.messages)).not.toContain('127.0.0.1')
  })

  it('asks PVE for the screen of a page that keeps asking ten times at once, then every 5 s', async () => {
    const { faults } = world.simulator
    const plan = faults.plan.bind(faults)
    let asked = 0
    faults.plan = (info) => {
      if (info.userid !== viewerToken.tokenID || !info.template.endsWith('/vncproxy')) return plan(info)
      asked += 1
      return { drop: 'after' }
    }
    const { url } = await consoleOf()
    const page = await open(url)
    await page.welcome()
    const beganMs = world.clock.monotonicMs()
    for (let wish = 0; wish < 30; wish += 1) {
      page.say({ attach: true })
      await page.next('detached')
    }
    expect(asked).toBeGreaterThanOrEqual(10)
    expect(asked).toBeLessThanOrEqual(10 + Math.ceil((world.clock.monotonicMs() - beganMs) / 5_000))
    faults.plan = plan
    world.clock.skip(5_000)
    await page.seeScreen()
  })

  it('shows the serial port as text, and passes keys and the size of the window', async () => {
    const vm = await world.born('texts')
    world.guestOf(vm).config.set('serial0', 'socket')
    await setLogin(world, viewerUser)
    try {
      const { url } = await consoleOf('texts', { display: 'Serial' })
      const page = await open(url)
      expect(await page.welcome()).toMatchObject({ display: 'Serial' })
      page.say({ attach: true })
      await page.next('attached')
      page.say({ size: { columns: 120, rows: 40 } })
      expect((await page.reader.take(15)).toString()).toBe('\r\ntexts login: ')
      page.socket.send(Buffer.from('root'))
      expect((await page.reader.take(4)).toString()).toBe('root')
      page.socket.send(Buffer.from('\r'))
      expect((await page.reader.take(14)).toString()).toContain('texts login')
    } finally {
      await setLogin(world, viewerToken)
    }
  })

  it('writes no key and no credential into its log', async () => {
    const { url } = await consoleOf()
    const page = await open(url)
    const { key } = await page.welcome()
    await page.seeScreen()
    const text = broker.log.join('\n')
    expect(text).toContain('a console was opened')
    const forbidden = [key, parseLink(new URL(url).hash)?.key ?? '?', viewerToken.tokenSecret, 'PVEVNC', 'PVEAPIToken']
    expect(forbidden.filter((word) => text.includes(word))).toEqual([])
  })

  it('drops the screen when a page says what no console says', async () => {
    const { url } = await consoleOf()
    const page = await open(url)
    await page.welcome()
    await page.seeScreen()
    page.socket.send(Buffer.from([99]))
    expect(await page.next('detached')).toBe('lost')
  })

  it('drops the screen when a page says so together with the opening of VNC, and shows it again', async () => {
    const { url } = await consoleOf()
    const page = await open(url)
    await page.welcome()
    page.say({ attach: true })
    await page.next('attached')
    // Version, security type and ClientInit, and what no console says, in one message.
    page.socket.send(Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 1, 99])]))
    expect(await page.next('detached')).toBe('lost')
    await page.seeScreen()
  })

  it('is restarted: the page comes again with its key, and the URL stays used', async () => {
    const { url } = await consoleOf()
    const before = await startBroker(world)
    const page = await open(url, { at: before.url })
    const { key } = await page.welcome()
    await before.stop()
    await until('the page is told to come again', () => page.closeCode === 1012)
    const again = await open(url, { key })
    await again.welcome()
    await again.seeScreen()
    expect(await (await open(url)).ended()).toBe('used')
  })

  it('opens nothing while the API server does not answer, and the key stays good', async () => {
    const { url } = await consoleOf()
    broker.wire.judgedBy(() => 'lost before')
    const page = await open(url)
    await until('it is turned away', () => page.closeCode !== undefined)
    broker.wire.judgedBy(() => 'pass')
    await (await open(url)).welcome()
  })
})
