import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { localStatuses } from '../../src/api/words.ts'
import { vpsM } from '../support/builders.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { at, child } from './terminal.ts'

describe('kubectl pve shows', () => {
  let world: TestWorld
  let v4 = ''
  let v6 = ''
  const here = at(() => world.namespace)

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    // Other test files have guests with these addresses in ProxmoxClusters of their own meanwhile.
    v4 = await world.pool({
      ranges: ['203.0.113.10-203.0.113.11'],
      prefixLength: 24,
      gateway: '203.0.113.1',
      network: { bridge: 'vmbr0', vlan: 120 },
      clusterRefs: [{ name: world.cluster }],
    })
    v6 = await world.pool({
      ranges: ['2001:db8:a::100-2001:db8:a::1ff'],
      prefixLength: 64,
      gateway: '2001:db8:a::1',
      clusterRefs: [{ name: world.cluster }],
    })
    const addresses = [
      { name: 'main', poolRef: { name: v4 } },
      { name: 'main6', poolRef: { name: v6 } },
    ]
    await world.apply('web', { package: vpsM, addresses }, { labels: { 'pve.hosting/client-id': '7', 'pve.hosting/service-id': '5546' } })
    await world.untilReady('web')
  })
  afterAll(async () => await world.stop())

  describe('status', () => {
    it('the ladder with its times, and that nothing is waited for', async () => {
      const { code, out } = await here('status', 'web')
      expect(code).toBe(0)
      expect(out).toMatch(
        /^\S+\/web: Running, local status ready \(12\/12\)\nVM \d+ on pve\d, running, web, 203\.0\.113\.10\/24, 2001:db8:a::100\/64\n/,
      )
      for (const rung of localStatuses) expect(out).toMatch(new RegExp(String.raw`^${rung} +done( +20\d\d-\S+Z +\d+s)?$`, 'm'))
      expect(out).toMatch(/^set_cpu_ram +done +20\d\d-\S+Z +\d+s$/m)
      expect(out).toContain('waiting for: nothing')
    })

    it('events, once they are there', async () => {
      const told = /EVENT.*\n(?:.*\n)*.*Normal +Ready +VM \d+ on pve/
      const { out } = await until('the events are written', async () => {
        const said = await here('status', 'web')
        return told.test(said.out) && said
      })
      expect(out).toMatch(told)
    })

    it('the same as JSON', async () => {
      const { out } = await here('status', 'web', '-o', 'json')
      expect(JSON.parse(out)).toMatchObject({
        name: 'web',
        phase: 'Running',
        localStatus: 'ready',
        progress: '12/12',
        power: 'running',
        addresses: ['203.0.113.10/24', '2001:db8:a::100/64'],
        ladder: localStatuses.map((rung) => ({ rung, is: 'done' })),
        remarks: [],
      })
    })

    it('what a VM waits for that cannot get on, and who must act', async () => {
      await world.apply('lost', { template: { name: 'debian-1' } })
      await world.untilCondition('lost', 'Ready', 'False', 'TemplateNotFound')
      const { out } = await here('status', 'lost')
      expect(out).toMatch(/lost: Pending, local status creation[^]*^creation +NOW$[^]*^clone +-$/m)
      expect(out).toMatch(/waiting for: TemplateNotFound \(the user must act\): .*debian-1/)
      expect(out).toMatch(/last error: .*debian-1/)
    })
  })

  describe('plan', () => {
    it('nothing for a VM that is as declared', async () => {
      expect((await here('plan', 'web')).out).toMatch(/^\S+\/web: Running, generation 1\nNothing to do: the VM matches its spec\.\n$/)
    })

    it('the rungs before a VM that is not ready, and what holds it', async () => {
      const { out } = await here('plan', 'lost')
      expect(out).toContain('The operator does nothing at present: TemplateNotFound')
      expect(out).toMatch(/set_cpu_ram\n {4}set_system_disk_size\n/)
    })

    it('the difference of an edit in the words of the engine, and what needs a stop, as long as no operator acts', async () => {
      await world.edit('web', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
      await world.untilCondition('web', 'Paused', 'True')
      await world.edit('web', {
        spec: {
          package: { cpu: { cores: 4, limit: '2' }, systemDisk: { size: '80Gi' }, firewall: { rules: vpsM.firewall.rules.slice(1) } },
          addresses: [
            { name: 'main', poolRef: { name: v4 } },
            { name: 'second', poolRef: { name: v4 } },
          ],
        },
      })
      const { code, out } = await child(['plan', 'web', '-n', world.namespace, '-o', 'json'])
      expect(code).toBe(0)
      const plan = JSON.parse(out) as { held: string; lines: { what: string; when: string; stops: boolean; because: string }[] }
      expect(plan.held).toBe('the annotation pve.hosting/paused is set')
      expect(plan.lines.map(({ what, when, stops }) => `${when}${stops ? ', stopped' : ''}: ${what}`)).toEqual([
        `now: take an address from pool ${v4} for second`,
        'now, stopped: set_cpu_ram: cores 2 → 4, cpulimit 1.5 → 2',
        'now: set_system_disk_size: system disk (scsi0) 40Gi → 80Gi',
        expect.stringContaining('now: set_firewall: '),
        expect.stringContaining('now, stopped: set_cloudinit: ipconfig0 ip=203.0.113.10/24,gw=203.0.113.1,ip6=2001:db8:a::100/64'),
        `now: free 2001:db8:a::100 of pool ${v6} when the guest no longer uses it`,
      ])
      const page = (await here('plan', 'web')).out
      expect(page).toContain('because the spec was edited')
      expect(page).toContain('set_cpu_ram: cores 2 → 4, cpulimit 1.5 → 2   [the VM is stopped for it]')
    })

    it('what the operator then does', async () => {
      await world.edit('web', { metadata: { annotations: { 'pve.hosting/paused': null } } })
      await world.untilReady('web', 60)
      const done = ((await world.vm('web'))?.status?.history ?? [])
        .filter((entry) => entry.outcome === 'Applied')
        .map((entry) => entry.message)
      expect(done.join('\n')).toContain('cores 2 → 4, cpulimit 1.5 → 2')
      expect((await here('plan', 'web')).out).toContain('Nothing to do: the VM matches its spec.')
    })
  })

  describe('pools', () => {
    it('how many addresses are free, held and exhausted', async () => {
      await until('the pool is counted', async () => {
        const { out } = await here('pools', '-o', 'json')
        const pool = (JSON.parse(out) as { name: string }[]).find((one) => one.name === v4)
        return JSON.stringify(pool) === JSON.stringify({ ...pool, total: '2', allocated: '2', free: '0', exhausted: true, ready: true })
      })
      const { out } = await here('pools')
      expect(out).toMatch(/^NAME +RANGES +TOTAL +ALLOCATED +FREE +COOLING +RESERVED +STATE +MESSAGE$/m)
      expect(out).toMatch(new RegExp(String.raw`^${v4} +203\.0\.113\.10-203\.0\.113\.11 +2 +2 +0 +0 +0 +exhausted +\S`, 'm'))
    })
  })

  describe('who', () => {
    const only = (out: string) =>
      (JSON.parse(out) as { pool: string; history: unknown[]; holder?: unknown }[]).filter((one) => one.pool === v4 || one.pool === v6)

    it('has which addresses of a service or customer, with dates, also when its VM is gone', async () => {
      const labels = { 'pve.hosting/service-id': '55460', 'pve.hosting/client-id': '1420' }
      const pool = await world.pool({ ranges: ['198.51.100.10'], prefixLength: 24, gateway: '198.51.100.1', network: { bridge: 'vmbr0' } })
      await world.apply('billed', { addresses: [{ name: 'main', poolRef: { name: pool } }], runStrategy: 'Halted' }, { labels })
      const address = (await world.untilReady('billed')).status?.addresses?.[0]?.address
      const [held] = JSON.parse((await here('who', '--service', '55460', '-o', 'json')).out)
      expect(held).toMatchObject({ address, holder: { name: 'billed', labels }, history: [] })

      await world.delete('billed')
      await world.untilGone('billed')
      const [past, ...others] = JSON.parse((await here('who', '--client', '1420', '-o', 'json')).out)
      expect(past).toMatchObject({ address, history: [{ name: 'billed', labels, to: expect.stringMatching(/^20/) }] })
      expect([past.holder, others]).toEqual([undefined, []])
      expect(await here('who', '--service', '4711')).toMatchObject({
        code: 1,
        err: expect.stringContaining('no address has been recorded for service-id=4711'),
      })
      expect(await here('who')).toMatchObject({ code: 2, err: expect.stringContaining('--service') })
    })

    it('has an address', async () => {
      const [answer] = only((await here('who', '203.0.113.10', '-o', 'json')).out)
      const vm = await world.vm('web')
      expect(answer).toMatchObject({
        address: '203.0.113.10',
        state: 'Allocated',
        holder: { namespace: world.namespace, name: 'web', uid: vm?.metadata.uid, entry: 'main', vmid: vm?.status?.vmid },
        history: [],
      })
    })

    it.each([
      '2001:db8:a::100',
      '2001:0DB8:000A:0:0:0:0:0100',
      '[2001:db8:a::0.0.1.0]',
      '2001:db8:a:0::100/128',
      '2001-0db8-000a-0000-0000-0000-0000-0100',
    ])('had it, however %s is spelled', async (spelled) => {
      const { code, out } = await here('who', spelled, '-o', 'json')
      expect(code).toBe(0)
      expect(only(out)).toMatchObject([
        { address: '2001:db8:a::100', state: 'Released', history: [{ name: 'web', labels: { 'pve.hosting/client-id': '7' } }] },
      ])
    })

    it('tells it as a table', async () => {
      const { out } = await here('who', '2001:db8:a::100')
      expect(out).toMatch(new RegExp(String.raw`^2001:db8:a::100 \(pool ${v6}, scope ${world.cluster}\): Released, no VM has it now$`, 'm'))
      expect(out).toMatch(/^\S+\/web +\d+ +20\S+Z +20\S+Z +client-id=7,service-id=5546$/m)
    })

    it('never had an address of a pool, and fails for one of none', async () => {
      expect(only((await here('who', '2001:db8:a::1ff', '-o', 'json')).out)).toMatchObject([{ state: 'NeverHeld', history: [] }])
      expect(await here('who', '233.252.0.77')).toMatchObject({
        code: 1,
        err: 'kubectl pve: 233.252.0.77 is in no IPPool, and no VM is recorded for it\n',
      })
      expect(await here('who', '203.0.113')).toMatchObject({ code: 2, err: expect.stringContaining('is not a valid IP address') })
    })
  })

  it('names what is not there', async () => {
    const name = freshName('no')
    for (const view of ['status', 'plan']) {
      expect(await here(view, name)).toEqual({
        code: 1,
        out: '',
        err: `kubectl pve: ProxmoxVM "${name}" does not exist in namespace ${world.namespace}\n`,
      })
    }
  })
})
