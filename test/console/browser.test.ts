/** The page in a real browser. SCREENSHOTS=1 writes those of docs/console.md. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'
import { type RunningBroker, startBroker } from './brokers.ts'
import { launchChromium } from './chromium.ts'
import { makeConsole, setConsole, setLogin, urlOf, viewerToken, viewerUser, worldWithConsoles } from './consoles.ts'

const images = join(import.meta.dirname, '../../docs/images')
const found = await launchChromium()
const browser = typeof found === 'string' ? undefined : (found satisfies Browser)
if (typeof found === 'string') process.stderr.write(`skipped: the console in a browser. ${found}\n`)
const inBrowser = browser ? describe : describe.skip

inBrowser('the page of a console', () => {
  let world: TestWorld
  let broker: RunningBroker
  const contexts: BrowserContext[] = []
  /** What the browser complains about: faults of scripts, and what the policy of the page forbids. */
  const complaints: string[] = []

  beforeAll(async () => {
    world = await worldWithConsoles()
    broker = await startBroker(world)
    await setConsole(world, { url: broker.url })
    const pool = await world.pool({
      ranges: ['203.0.113.10-203.0.113.20'],
      prefixLength: 24,
      gateway: '203.0.113.1',
      network: { bridge: 'vmbr0' },
    })
    await world.born('shop', { hostname: 'shop.example.com', addresses: [{ name: 'main', poolRef: { name: pool } }] })
  })
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close()
    const heard = complaints.splice(0)
    if (heard.length > 0) throw new Error(`the browser complains: ${heard.join('; ')}`)
  })
  afterAll(async () => {
    await browser?.close()
    await broker.stop()
    await world.stop()
  })

  const tab = async (url: string, o: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser!.newContext({ viewport: { width: 1100, height: 640 }, ...o })
    contexts.push(context)
    context.setDefaultTimeout(10_000)
    const page = await context.newPage()
    page.on('pageerror', (fault) => complaints.push(fault.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('WebSocket')) complaints.push(message.text())
    })
    await page.goto(url)
    return page
  }
  const consoleOf = async (vm = 'shop', spec: object = {}) => await urlOf(world, await makeConsole(world, vm, spec))
  const stateOf = async (page: Page) => await page.locator('body').getAttribute('data-state')
  const untilState = (page: Page, state: string) =>
    until(`the page is ${state}`, async () => (await stateOf(page)) === state, {
      describe: () => page.url(),
    })
  const titleOf = async (page: Page) => await page.locator('#title').textContent()
  /** Lit dots of the picture. */
  const dots = async (page: Page): Promise<number> =>
    await page.evaluate(`(() => {
      const canvas = document.querySelector('#screen canvas')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let lit = 0
      for (let at = 0; at < data.length; at += 4) if (data[at] > 128) lit += 1
      return lit
    })()`)
  const picture = async (page: Page) => {
    await untilState(page, 'open')
    return await until('there is a picture', async () => await dots(page))
  }
  const shoot = async (page: Page, name: string): Promise<void> => {
    if (process.env['SCREENSHOTS']) await page.screenshot({ path: join(images, `console-${name}.png`) })
  }

  it('shows the picture, with name, address and power on top, and types', async () => {
    const page = await tab(await consoleOf())
    const before = await picture(page)
    expect(await page.locator('#name').textContent()).toBe('shop.example.com')
    expect(await page.locator('#about').textContent()).toBe('203.0.113.10 · on')
    expect(page.url()).toBe(`${broker.url}/`)
    await page.keyboard.press('w')
    const typed = await until('the key is echoed', async () => {
      const now = await dots(page)
      return now > before && now
    })
    await page.locator('#paste').click()
    await page.locator('#pasted').fill('hello')
    await page.locator('#pasting .main').click()
    await until('the text is echoed', async () => (await dots(page)) > typed)
    await page.locator('#cad').click()
    await shoot(page, 'screen')
    await page.emulateMedia({ colorScheme: 'dark' })
    await shoot(page, 'dark')
  })

  it('is used on a phone', async () => {
    const page = await tab(await consoleOf(), {
      viewport: { width: 390, height: 780 },
      hasTouch: true,
      isMobile: true,
      deviceScaleFactor: 2,
    })
    const before = await picture(page)
    const width = await page.evaluate<number>('document.documentElement.scrollWidth')
    expect(width).toBe(390)
    await page.locator('#keyboard').tap()
    await page.keyboard.insertText('q')
    await until('the key is echoed', async () => (await dots(page)) > before)
    await shoot(page, 'phone')
  })

  it('says so when its URL was used, is of another VM, or is not whole', async () => {
    const url = await consoleOf()
    await picture(await tab(url))
    const second = await tab(url)
    await untilState(second, 'over')
    expect(await titleOf(second)).toBe('This link was opened already')
    await shoot(second, 'used')
    await world.born('other')
    const [mine, theirs] = [await consoleOf(), await consoleOf('other')]
    const crossed = await tab(mine.replace(/[^/]+$/, theirs.split('/').at(-1) ?? ''))
    await untilState(crossed, 'over')
    expect(await titleOf(crossed)).toBe('This link does not work')
    expect(await titleOf(await tab(broker.url))).toBe('This link does not work')
  })

  it('says so when its URL is too old', async () => {
    const url = await consoleOf()
    world.clock.skip(61_000)
    const page = await tab(url)
    await untilState(page, 'over')
    expect(await titleOf(page)).toBe('This link is too old')
  })

  it('ends with the right words when the VM is suspended', async () => {
    await world.born('debtor')
    const page = await tab(await consoleOf('debtor'))
    await picture(page)
    await world.edit('debtor', { spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    await untilState(page, 'over')
    expect(await titleOf(page)).toBe('This server is suspended')
    expect(await page.locator('#text').textContent()).not.toContain('unpaid')
    await shoot(page, 'suspended')
  })

  it('waits while the VM is off, and shows the screen when it is on again', async () => {
    const vm = await world.born('sleepy')
    const page = await tab(await consoleOf('sleepy'))
    await picture(page)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await untilState(page, 'off')
    expect(await titleOf(page)).toBe('The server is off')
    await until('the lamp is off', async () => (await page.locator('#lamp').getAttribute('data-power')) === 'stopped')
    await shoot(page, 'off')
    await world.inPve('POST', `${world.pathOf(vm)}/status/start`)
    await picture(page)
  })

  it('goes on after a reload of the tab, and after a restart of the broker', async () => {
    const url = await consoleOf()
    const port = Number(new URL(broker.url).port)
    const page = await tab(url)
    await picture(page)
    await page.reload()
    await picture(page)
    await broker.stop()
    await untilState(page, 'waiting')
    expect(await titleOf(page)).toBe('The connection was lost')
    broker = await startBroker(world, { port })
    await picture(page)
    const second = await tab(url)
    await untilState(second, 'over')
    expect(await titleOf(second)).toBe('This link was opened already')
  })

  it('says so when PVE is away, and shows the screen when it is back', async () => {
    const { faults } = world.simulator
    const plan = faults.plan.bind(faults)
    let isAway = true
    faults.plan = (info) =>
      info.userid === viewerToken.tokenID && info.template.endsWith('/vncproxy') && isAway ? { drop: 'before' } : plan(info)
    const page = await tab(await consoleOf())
    await untilState(page, 'waiting')
    expect(await titleOf(page)).toBe('The screen does not answer now')
    expect(await page.content()).not.toContain(new URL(world.simulator.url).port)
    isAway = false
    await picture(page)
  })

  it('shows a serial port as text, which can be selected, and types into it', async () => {
    const vm = await world.born('texts')
    world.guestOf(vm).config.set('serial0', 'socket')
    await setLogin(world, viewerUser)
    try {
      const page = await tab(await consoleOf('texts', { display: 'Serial' }))
      await untilState(page, 'open')
      const text = async () => await page.locator('.xterm-rows').innerText()
      await until('the login is there', async () => (await text()).includes('texts login:'))
      await page.keyboard.type('root')
      await until('the keys are echoed', async () => (await text()).replaceAll(/\s/g, ' ').includes('login: root'))
      await shoot(page, 'serial')
    } finally {
      await setLogin(world, viewerToken)
    }
  })

  it('counts the last minutes, and says when the time is over', async () => {
    const page = await tab(await consoleOf('shop', { ttl: { open: '60s', stay: '4m' }, readOnly: true }))
    await picture(page)
    expect(await page.locator('#left').textContent()).toMatch(/^[345]:\d\d$/)
    expect(await page.locator('#badge').isVisible()).toBe(true)
    expect(await page.locator('#paste').isVisible()).toBe(false)
    world.clock.skip(241_000)
    await untilState(page, 'over')
    expect(await titleOf(page)).toBe('The time of this session has ended')
  })
})
