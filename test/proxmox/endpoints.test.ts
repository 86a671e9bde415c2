import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Upid } from '../../src/proxmox/answers.ts'
import { nodeOfUpid, typeOfUpid } from '../../src/proxmox/upid.ts'
import { preflight } from '../../src/cluster/facts.ts'
import { listingOf } from '../../src/proxmox/listing.ts'
import { until } from '../support/until.ts'
import { type Simulated, simulated } from './simulated.ts'

describe('a guest from clone to destruction', () => {
  let sim: Simulated
  const at = { node: 'pve1', vmid: 800 }
  beforeAll(async () => {
    sim = await simulated()
  })
  afterAll(() => sim.stop())

  const ended = (upid: Upid) =>
    until(`${typeOfUpid(upid)} ends`, async () => {
      const status = await sim.pve.task(upid)
      return status.running ? undefined : status.exitstatus
    })
  const digest = async () => (await sim.pve.config(at)).digest

  it('is cloned with its description', async () => {
    const upid = await sim.pve.clone({ node: 'pve1', vmid: 9000 }, { newid: 800, name: 'web', description: 'mark', full: true })
    expect([nodeOfUpid(upid), typeOfUpid(upid)]).toEqual(['pve1', 'qmclone'])
    expect(await ended(upid)).toBe('OK')
    expect(await sim.pve.config(at)).toMatchObject({ name: 'web', description: 'mark' })
  })

  it('takes configuration with keys, comments and umlauts unharmed', async () => {
    const keys = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIs8O6qVBhhq1nYRsQLPbU2DqdHSs2Fg8Fd2kb5rQcGn a+b@c=d & Söhne\n'
    const set = { cores: 2, memory: 2048, description: 'mark\nBüro & 100 %; a=b+c', sshkeys: encodeURIComponent(keys) }
    await sim.pve.updateConfig(at, { set, remove: ['vga'], digest: await digest() })
    const config = await sim.pve.config(at)
    expect(config).toMatchObject({ cores: 2, memory: '2048', description: set.description, sshkeys: set.sshkeys })
    expect(config).not.toHaveProperty('vga')
  })

  it('refuses a change that was planned on an old read', async () => {
    await expect(sim.pve.updateConfig(at, { set: { cores: 4 }, remove: [], digest: 'a'.repeat(40) })).rejects.toThrow('checksum mismatch')
  })

  it('allocates a disk in the background and grows one', async () => {
    const change = { set: { scsi1: 'local-lvm:5' }, remove: [], digest: await digest() }
    const upid = await sim.pve.updateConfigTask(at, change, 5)
    expect(upid === undefined ? 'OK' : await ended(upid)).toBe('OK')
    expect((await sim.pve.config(at))['scsi1']).toMatch(/^local-lvm:vm-800-disk-\d,size=5G$/)
    expect(await ended(await sim.pve.resize(at, { disk: 'scsi0', sizeMiB: 20_480, digest: await digest() }))).toBe('OK')
    expect((await sim.pve.config(at))['scsi0']).toContain('size=20G')
  })

  it('gets a firewall: sets, rules in order, options', async () => {
    const firewall = sim.pve.firewall(at)
    await firewall.createIpset('ipfilter-net0')
    for (const cidr of ['203.0.113.10', '2001:db8::10']) await firewall.addToIpset('ipfilter-net0', { cidr })
    await firewall.removeFromIpset('ipfilter-net0', '203.0.113.10')
    expect([await firewall.ipsets(), (await firewall.ipset('ipfilter-net0')).map(({ cidr }) => cidr)]).toEqual([
      [{ name: 'ipfilter-net0' }],
      ['2001:db8::10'],
    ])
    await firewall.addRule({ type: 'in', action: 'DROP', enable: 1, comment: 'two' })
    await firewall.addRule({ type: 'in', action: 'ACCEPT', enable: 1, proto: 'tcp', dport: '22', comment: 'one' })
    const { rules, digest: list } = await firewall.rules()
    expect(rules.map(({ pos, action, enable, comment }) => ({ pos, action, enable, comment }))).toEqual([
      { pos: 0, action: 'ACCEPT', enable: true, comment: 'one' },
      { pos: 1, action: 'DROP', enable: true, comment: 'two' },
    ])
    await firewall.moveRule(0, 2, list!)
    await expect(firewall.deleteRule(0, list!)).rejects.toThrow('detected modified configuration')
    const moved = await firewall.rules()
    expect(moved.rules.map(({ comment }) => comment)).toEqual(['two', 'one'])
    await firewall.deleteRule(0, moved.digest!)
    await firewall.setOptions({ enable: 1, policy_in: 'DROP' })
    await firewall.setOptions({}, { remove: ['policy_in'] })
    const { digest: _, ...options } = await firewall.options()
    expect(options).toEqual({ enable: 1 })
  })

  it('runs, is stopped, and shows its state live', async () => {
    expect(await ended(await sim.pve.start(at))).toBe('OK')
    expect(await sim.pve.statusCurrent(at)).toMatchObject({ status: 'running', template: false, haManaged: false })
    await sim.pve.updateConfig(at, { set: { cores: 4 }, remove: [], digest: await digest() })
    expect((await sim.pve.pending(at)).find(({ key }) => key === 'cores')).toEqual({
      key: 'cores',
      value: '2',
      pending: '4',
      removal: false,
    })
    expect(await ended(await sim.pve.stop(at, { overruleShutdown: true }))).toBe('OK')
    expect(await ended(await sim.pve.shutdown(at, { timeoutSeconds: 5, forceStop: true }))).toBe('OK')
    expect(await sim.pve.statusCurrent(at)).toMatchObject({ status: 'stopped' })
  })

  it('is in the lists of tasks and has no backups', async () => {
    expect((await sim.pve.tasks('pve1', { source: 'all', vmid: 800 })).map(({ type }) => type)).toContain('qmstart')
    expect(await sim.pve.backups('pve1', 'local', 800)).toEqual([])
  })

  it('is destroyed', async () => {
    expect(await ended(await sim.pve.destroy(at, { unreferencedDisks: true, purge: true }))).toBe('OK')
    expect(listingOf(await sim.pve.resources(), 0).guests.has(800)).toBe(false)
  })
})

describe('the preflight', () => {
  it('finds version, quorum, firewall and every privilege', async () => {
    const sim = await simulated()
    expect(await preflight(sim.pve)).toEqual({
      version: expect.any(String),
      majorVersion: 9,
      quorate: true,
      firewallEnabled: true,
      missingPrivileges: [],
      missingOptional: [],
      grantedBridges: new Set(),
    })
    await sim.stop()
  })

  it('names what a weak token lacks, and leaves open what it may not ask', async () => {
    const sim = await simulated({
      preset: 'recorded',
      client: { tokenID: 'limited@pve!k8s', tokenSecret: '00000000-0000-4000-8000-000000000001' },
    })
    const facts = await preflight(sim.pve)
    expect(facts).toMatchObject({ majorVersion: 9, quorate: undefined, firewallEnabled: undefined })
    expect(facts.missingPrivileges.map(({ path, privilege }) => `${privilege} on ${path}`)).toContain('VM.Audit on /vms')
    await sim.stop()
  })
})
