import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { secrets } from '../../src/api/meta.ts'
import { TestWorld } from '../support/world.ts'

describe('a birth', () => {
  let world: TestWorld
  let v4: string
  let v6: string
  let packageName: string

  beforeAll(async () => {
    world = await TestWorld.start()
    v4 = await world.pool({
      ranges: ['203.0.113.10-203.0.113.99'],
      prefixLength: 24,
      gateway: '203.0.113.1',
      nameservers: ['203.0.113.2', '203.0.113.3'],
      searchDomain: 'vps.example.com',
      network: { bridge: 'vmbr0', vlan: 120 },
      scope: world.cluster,
    })
    v6 = await world.pool({
      ranges: ['2001:db8:a::100-2001:db8:a::ffff'],
      prefixLength: 64,
      gateway: '2001:db8:a::1',
      nameservers: ['2001:db8::53'],
      scope: world.cluster,
    })
    packageName = await world.package(vpsM)
  }, 60_000)
  afterAll(async () => await world.stop())

  it('sends the twelve writes of the golden trace, in its order, and no others', async () => {
    world.simulator.requests.reset()
    await world.apply('whmcs-5546', {
      template: { name: 'debian-13', clone: 'Full', storage: 'local-lvm' },
      packageRef: { name: packageName },
      package: { memory: { size: '8Gi', minimum: 0 } },
      addresses: [
        { name: 'main', poolRef: { name: v4 } },
        { name: 'main6', poolRef: { name: v6 } },
      ],
      cloudInit: {
        user: 'admin',
        generatePassword: true,
        sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8r3Zk0 admin@example.com'],
      },
      hostname: 'web1.vps.example.com',
    })

    const vm = await world.untilReady('whmcs-5546')

    const golden = readFileSync(join(import.meta.dirname, 'golden/birth.txt'), 'utf8')
      .trim()
      .split('\n')
    expect(
      world.writes().map((line) =>
        line
          .replaceAll(String(vm.status?.vmid), 'VMID')
          .replace(/pve\d/, 'NODE')
          .replace(/qemu\/900\d\//, 'qemu/TEMPLATE/'),
      ),
    ).toEqual(golden)
    if (process.env.TRACE) process.stderr.write(world.requests().join('\n'))
    expect(world.requests().length).toBeLessThanOrEqual(28)
  }, 60_000)

  it('leaves a running VM that is as declared, and says so', async () => {
    const vm = await world.vm('whmcs-5546')
    expect(vm?.status).toMatchObject({
      localStatus: 'ready',
      remoteStatus: 'running',
      phase: 'Running',
      progress: '12/12',
      hostname: 'web1.vps.example.com',
      addresses: [
        { name: 'main', address: '203.0.113.10', gateway: '203.0.113.1' },
        { name: 'main6', address: '2001:db8:a::100' },
      ],
    })
    expect(world.condition(vm, 'Ready')).toMatchObject({ status: 'True', reason: 'Running' })
    expect(world.condition(vm, 'Reconciling')).toBeUndefined()
    expect(world.condition(vm, 'Stalled')).toBeUndefined()
    const guest = world.simulator.world.guests.get(vm?.status?.vmid ?? 0)
    expect(Object.fromEntries(guest?.config ?? [])).toMatchObject({
      cores: '2',
      memory: '8192',
      balloon: '0',
      cpulimit: '1.5',
      cpuunits: '200',
      ciuser: 'admin',
      name: 'web1.vps.example.com',
    })
  })

  it('keeps the generated password in a Secret that belongs to the VM, and nowhere else', async () => {
    const vm = await world.vm('whmcs-5546')
    const secret = await world.client.get(secrets, { namespace: world.namespace, name: 'whmcs-5546-credentials' })
    const password = Buffer.from(secret?.data?.password ?? '', 'base64').toString()
    expect(password).toHaveLength(20)
    expect(secret?.metadata.ownerReferences?.[0]?.uid).toBe(vm?.metadata.uid)
    expect(JSON.stringify(vm)).not.toContain(password)
  })

  it('gives everything back when the object is deleted', async () => {
    await world.delete('whmcs-5546')
    await world.untilGone('whmcs-5546')
    expect([...world.simulator.world.guests.values()].filter((guest) => !guest.config.has('template'))).toEqual([])
    const held = (await world.addresses(v4)).filter((address) => address.spec.claimRef)
    expect(held).toEqual([])
    expect(await world.client.get(secrets, { namespace: world.namespace, name: 'whmcs-5546-credentials' })).toBeUndefined()
  }, 60_000)
})

const vpsM = {
  cpu: { cores: 2, sockets: 1, type: 'x86-64-v2-AES', limit: '1.5', units: 200 },
  memory: { size: '4Gi', minimum: '2Gi' },
  systemDisk: { size: '40Gi', bandwidth: { readMiBps: 200, writeMiBps: 100, readIOPS: 4000, writeIOPS: 2000, readIOPSBurst: 8000 } },
  additionalDisks: [{ name: 'data', size: '100Gi', storage: 'local-lvm', bandwidth: { readMiBps: 80, writeMiBps: 80 } }],
  network: { rateMbit: 100, model: 'virtio', firewall: true },
  firewall: {
    enabled: true,
    policyIn: 'DROP',
    policyOut: 'ACCEPT',
    antiSpoofing: true,
    macFilter: true,
    rules: [
      { name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' },
      { name: 'web', direction: 'in', action: 'ACCEPT', protocol: 'tcp', destinationPorts: '80,443' },
      { name: 'icmp', direction: 'in', action: 'ACCEPT', protocol: 'icmp' },
      { name: 'no-smtp', direction: 'out', action: 'REJECT', protocol: 'tcp', destinationPorts: '25', comment: 'lifted on request' },
    ],
  },
}
