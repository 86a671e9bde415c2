/** The WHMCS module as it is shipped, run by PHP, against the real API server, the simulator and the operator. Every function twice. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, proxmoxVMCommands, proxmoxVMSnapshots, secrets, vmPackages } from '../../src/api/meta.ts'
import { aBackup, deleteBackupObject, untilBackup, untilBackupGone } from '../backups/scene.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { phpIsHere } from './whmcs/php.ts'
import { adminPage, photograph } from './whmcs/pictures.ts'
import { Shop } from './whmcs/shop.ts'

const suite = phpIsHere() ? describe : describe.skip

let world: TestWorld
let shop: Shop
let small: string
let large: string
let pool: string

suite('a service sold in WHMCS', () => {
  beforeAll(async () => {
    world = await TestWorld.start()
    pool = await world.pool({
      ranges: ['203.0.113.10-203.0.113.13'],
      prefixLength: 24,
      gateway: '203.0.113.1',
      network: { bridge: 'vmbr0' },
    })
    small = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } })
    large = await world.package({ cpu: { cores: 2 }, memory: { size: '2Gi' }, systemDisk: { size: '40Gi' } })
    const settings = { 1: world.cluster, 2: small, 3: 'debian-13', 4: pool, 6: world.namespace, 15: 'debian-13', 16: 'on', 11: 'admin' }
    shop = await Shop.open(world, settings, ['pve-billing-bridge', 'pve-billing-support'])
  })
  afterAll(async () => {
    await shop?.close()
    await world?.stop()
  })

  /** A customer is told "success" while the command, and staff while a suspension or a change, is under way. */
  const untilAtRest = async (): Promise<void> => {
    const commands = () => world.client.list(proxmoxVMCommands, { namespace: world.namespace })
    await until('every command has ended', async () => (await commands()).every(({ status }) => status?.finishedAt))
    if (await world.vm('whmcs-5546')) await world.untilReady('whmcs-5546')
  }
  /** Pressed again it answers the same, and neither PVE nor the object is written to. */
  const pressTwice = async (name: string, o: Parameters<Shop['call']>[1] = {}): Promise<unknown> => {
    const once = await shop.finish(name, o)
    await untilAtRest()
    const before = await world.vm('whmcs-5546')
    world.simulator.requests.reset()
    expect(await shop.press(name, o)).toEqual(once)
    expect(world.writes()).toEqual([])
    const after = await world.vm('whmcs-5546')
    expect([after?.metadata.uid, after?.metadata.generation]).toEqual([before?.metadata.uid, before?.metadata.generation])
    return once
  }
  const config = (key: string) => world.guests()[0]?.config.get(key)
  /** "success" may be before that: a suspension that takes longer than WHMCS waits goes on by itself. */
  const untilPower = (wanted: string) =>
    until(`it is ${wanted}`, async () => (await world.vm('whmcs-5546'))?.status?.remoteStatus === wanted)
  const rows = async () => (await shop.press('AdminServicesTabFields')) as Record<string, string>

  it('is reached: address, certificate and token are tested', async () => {
    expect(await shop.press('TestConnection', { server: true })).toEqual({ success: true, error: '' })
  })

  it('is refused to be terminated before it was made', async () => {
    expect(await pressTwice('TerminateAccount')).toContain(`There is no ProxmoxVM ${world.namespace}/whmcs-5546 at https://`)
    expect(await shop.service()).toMatchObject({ domainstatus: 'Pending', notes: 'Pays by invoice.' })
  })

  it('is created once: ready, with address, host name and login in WHMCS', async () => {
    expect(await pressTwice('CreateAccount')).toBe('success')
    expect(await shop.service()).toMatchObject({
      domainstatus: 'Active',
      domain: 'web1.vps.example.com',
      dedicatedip: '203.0.113.10',
      assignedips: '203.0.113.10',
      username: 'admin',
      password: expect.stringMatching(/^.{20}$/),
    })
    expect((await world.vm('whmcs-5546'))?.metadata.labels).toEqual({ 'pve.hosting/client-id': '142', 'pve.hosting/service-id': '5546' })
    expect(world.guests()).toHaveLength(1)
  })

  it('is suspended with the reason of WHMCS, and unsuspended', async () => {
    expect(await pressTwice('SuspendAccount', { params: { suspendreason: 'Overdue on Payment' } })).toBe('success')
    expect((await world.vm('whmcs-5546'))?.spec.suspensions).toEqual([{ by: 'billing', reason: 'Overdue on Payment' }])
    await untilPower('stopped')
    expect(await shop.press('start')).toMatch(/^Start: .*PreconditionFailed/)
    expect(await pressTwice('UnsuspendAccount')).toBe('success')
    await untilPower('running')
    const long = `${'Оплата '.repeat(40)}`
    expect(await shop.press('SuspendAccount', { params: { suspendreason: long } })).toBe('success')
    expect((await world.vm('whmcs-5546'))?.spec.suspensions?.[0]?.reason).toBe(long.slice(0, 200).trim())
    expect(await shop.press('UnsuspendAccount')).toBe('success')
  })

  it('takes the power buttons, each once for a double click', async () => {
    expect(await pressTwice('stop')).toBe('success')
    await untilPower('stopped')
    expect(await pressTwice('start')).toBe('success')
    await untilPower('running')
    expect(await pressTwice('reboot')).toBe('success')
    expect(await pressTwice('shutdown')).toBe('success')
    expect(await pressTwice('customerstart')).toBe('success')
    expect(await pressTwice('customershutdown')).toBe('success')
    expect(await pressTwice('customerstart')).toBe('success')
    const made = (await world.client.list(proxmoxVMCommands, { namespace: world.namespace })).map(({ spec }) => spec.command)
    expect(made.filter((command) => command === 'Reboot')).toHaveLength(1)
  })

  it('takes the buttons of the manual, and is told of a mark that refuses one', async () => {
    expect(await pressTwice('setfirewall')).toBe('success')
    expect(await shop.press('setcpuram')).toMatch(/^SetCPURAM: .*PreconditionFailed/)
    const buttons = (await shop.press('AdminCustomButtonArray')) as Record<string, string>
    expect(buttons).toMatchObject({
      'Set CPU and RAM ** → Set system disk size': 'setcpuram',
      'Set network * → Set firewall': 'setnetwork',
    })
  })

  it('is upgraded by configurable options, which beat the package', async () => {
    await shop.edit('tblproducts', { configoption2: large })
    await shop.edit('tblhosting', { configoptions: { 'memory|Memory': '3', 'IPv4 addresses': '2', Rate: '100', 'cPanel licence': 'yes' } })
    expect(await pressTwice('ChangePackage')).toBe('success')
    await world.untilReady('whmcs-5546')
    expect([config('cores'), config('memory')]).toEqual(['2', '3072'])
    expect(await shop.finish('refresh')).toBe('success')
    expect(await shop.service()).toMatchObject({ dedicatedip: '203.0.113.10', assignedips: '203.0.113.10\n203.0.113.11' })
    expect((await rows())['Options not used']).toContain('cPanel licence')
  })

  it('is given the newest version of its package when Change Package is pressed', async () => {
    await world.client.mergePatch(vmPackages, { name: large }, { spec: { cpu: { cores: 3 } } })
    await world.untilCondition('whmcs-5546', 'PackageApplied', 'False', 'PackageOutdated')
    expect((await rows()).Plan).toContain('The package was edited since this customer got it.')
    expect(await shop.press('ChangePackage')).toBe('success')
    await until('the new cores are in force', () => config('cores') === '3')
    expect(await pressTwice('newestpackage')).toBe('success')
  })

  it('is downgraded but for the disk, and staff are told', async () => {
    await shop.edit('tblproducts', { configoption2: small })
    await shop.edit('tblhosting', { configoptions: {} })
    const { answer, activity } = await shop.call('ChangePackage')
    expect(answer).toBe('success')
    await world.untilCondition('whmcs-5546', 'PackageApplied', 'False', 'DiskShrinkRefused')
    expect((await rows()).Plan).toContain('The new package has a smaller disk')
    expect(activity.join()).toMatch(/DiskShrinkRefused|under way/)
  })

  it('keeps the reverse DNS name its customer sets, also over a change of package', async () => {
    const ptr = async () => (await world.vm('whmcs-5546'))?.spec.addresses?.[0]?.ptr
    expect(await pressTwice('customerptr', { post: { pveaddress: 'main', pveptr: 'Mail.Example.com.' } })).toBe('success')
    expect(await ptr()).toBe('mail.example.com')
    expect(await shop.press('ChangePackage')).toBe('success')
    expect(await ptr()).toBe('mail.example.com')
    expect(await shop.press('customerptr', { post: { pveaddress: 'main', pveptr: 'not a name' } })).toContain('mail.example.com')
    expect(await shop.press('customerptr', { post: { pveaddress: 'main', pveptr: '' } })).toBe('success')
    expect(await ptr()).toBeUndefined()
  })

  it('is shown to support staff: state, ladder, plan and every button with its mark', async () => {
    await world.untilReady('whmcs-5546')
    const page = await rows()
    expect(page.State).toMatch(/^<strong>Running<\/strong>: The server is as ordered.*web1\.vps\.example\.com, VM 10000 on pve1/)
    expect(page.Ladder).toMatch(/Done: 12\/12<br>&#10003; creation .*&#10003; ready/)
    expect(page.Buttons).toContain(
      '<strong>Set cloud-init ** → ready</strong>: gives user, password, keys and addresses to cloud-init; needs: stopped <em>(refused now',
    )
    expect(page.Addresses).toMatch(/^main: 203\.0\.113\.10\/24, gateway 203\.0\.113\.1/)
    const { Buttons = '', ...above } = page
    await photograph('whmcs-admin', adminPage(above), 980)
    await photograph('whmcs-admin-buttons', adminPage({ Buttons }), 980)
  })

  it('is shown to its customer, without nodes, numbers and reasons', async () => {
    const page = String(await shop.press('ClientArea', { render: true }))
    expect(page).toContain('Your server is running.')
    expect(page).toContain('203.0.113.10/24')
    expect(page).toContain('Type web1.vps.example.com to confirm')
    expect(page).not.toMatch(/pve1|10000|Ready|whmcs-5546<|Backups|Snapshot/)
  })

  it('shows its customer the backups and snapshots that there are, and not where', async () => {
    const key = { namespace: world.namespace, name: 'before-the-upgrade' }
    const spec = { vmRef: { name: 'whmcs-5546' } }
    await world.client.create(proxmoxVMSnapshots, { apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVMSnapshot', metadata: key, spec })
    const status = async () => (await world.vm('whmcs-5546'))?.status
    await until('the snapshot is listed', async () => (await status())?.snapshots?.some(({ object }) => object === key.name))
    await aBackup(world, 'nightly', 'whmcs-5546', { storage: 'local' })
    await untilBackup(world, 'nightly', 'True')
    await until('the backup is counted', async () => (await status())?.backups?.count === 1)
    const page = String(await shop.press('ClientArea', { render: true }))
    expect(page).toMatch(/<th>Backups<\/th><td colspan="2">1, the newest of \d{4}-\d\d-\d\d \d\d:\d\d UTC</)
    expect(page).toMatch(/<th>Snapshot<\/th><td>before-the-upgrade<\/td><td>\d{4}-\d\d-\d\d \d\d:\d\d UTC</)
    expect(page).not.toMatch(/local|vzdump|op-/)
    await photograph('whmcs-client', page, 760)
    await world.client.delete(proxmoxVMSnapshots, key)
    await until('the snapshot is deleted', async () => (await world.client.get(proxmoxVMSnapshots, key)) === undefined)
    await deleteBackupObject(world, 'nightly')
    await untilBackupGone(world, 'nightly')
  })

  it('opens its console: the browser is sent to a URL that is in no log, and refusals are in words for customers', async () => {
    const login = { namespace: world.namespace, name: 'console-login' }
    const stringData = { tokenID: 'root@pam!sim', tokenSecret: 'sim' }
    await world.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: login, stringData })
    const settings = { url: 'https://console.example.com', credentialsSecretRef: login }
    const refused = { success: false, errorMsg: 'This is not possible right now. Please try again later, or ask support.' }
    expect(await shop.press('ServiceSingleSignOn')).toEqual(refused)
    await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { console: settings } })
    await until('the operator has seen it', () => world.operator?.operator.stores.clusters.get(world.cluster)?.spec.console)
    const { answer, log, activity } = await shop.call('ServiceSingleSignOn')
    expect(answer).toEqual({
      success: true,
      redirectTo: expect.stringMatching(/^https:\/\/console\.example\.com\/#.+\/whmcs-5546-console-[0-9a-f]{8}\/[\w-]{43}$/),
    })
    expect([...log, ...activity].join()).not.toContain('console.example.com')
    expect(await shop.press('customershutdown')).toBe('success')
    await untilPower('stopped')
    expect(await shop.press('ServiceSingleSignOn')).toEqual({
      success: false,
      errorMsg: 'Your server is off. Start it, then open the console.',
    })
    expect(await shop.press('customerstart')).toBe('success')
    await untilPower('running')
  })

  it('is installed again by its customer only with the host name typed, once for one form', async () => {
    const { password } = await shop.service()
    const form = { pvetemplate: 'debian-13', pverequest: 'whmcs-1764160000-0a1b2c3d', pveconfirm: '' }
    expect(await shop.press('customerreinstall', { post: form })).toContain('Please type the host name web1.vps.example.com')
    expect(await shop.press('customerreinstall', { post: { ...form, pvetemplate: 'windows' } })).toContain('one of the systems offered')
    const sent = { post: { ...form, pveconfirm: 'web1.vps.example.com' } }
    expect(await shop.press('customerreinstall', sent)).toBe('success')
    await until('the reinstall is done', async () =>
      (await world.vm('whmcs-5546'))?.status?.reinstall?.completedIDs.includes(form.pverequest),
    )
    await world.untilReady('whmcs-5546')
    await shop.press('AfterCronJob')
    expect(await pressTwice('customerreinstall', sent)).toBe('success')
    expect((await world.vm('whmcs-5546'))?.status?.reinstall?.completedIDs).toEqual([form.pverequest])
    expect((await shop.service()).password).not.toBe(password)
  })

  it('is terminated, with date, VM and addresses in the notes; after that there is nothing to terminate', async () => {
    expect(await shop.finish('TerminateAccount')).toBe('success')
    const { notes, domainstatus } = await shop.service()
    expect(domainstatus).toBe('Terminated')
    expect(notes).toMatch(/^Pays by invoice\.\n/)
    expect(notes).toMatch(
      /\[pve-operator\] [\d-]+ [\d:]+ UTC deletion begun: \S+\/whmcs-5546 uid \S+; VM 10000 on pve1, addresses 203\.0\.113\.10, deletionPolicy Terminate/,
    )
    expect(notes).toMatch(/deletion done: \S+\/whmcs-5546 uid/)
    expect(world.guests()).toEqual([])
    expect(await pressTwice('TerminateAccount')).toMatch(/was deleted before .*Nothing is left to terminate/)
  })

  it.each(['SuspendAccount', 'UnsuspendAccount', 'ChangePackage', 'reinstall', 'start', 'refresh'])(
    'is not there for %s after that, nor made by it',
    async (name) => {
      expect(await pressTwice(name)).toContain('There is no ProxmoxVM')
      expect(await world.vm('whmcs-5546')).toBeUndefined()
    },
  )
})
