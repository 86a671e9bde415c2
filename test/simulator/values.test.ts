import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { generateKeyPairSync } from 'node:crypto'
import { isPublicKey } from '../../src/simulator/guests/ssh-key.ts'
import { Drill, startDrill } from './drill.ts'

const vm = '/nodes/pve1/qemu/100'
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILjAXrJr2dMG53WYXyCRWucCooU0NSrlDzlqi4EpYTYN'

/** An RSA key as OpenSSH prints it. */
function rsaKey(bits: number): string {
  const { n = '', e = '' } = generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' })
  const field = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(Uint32Array.of(bytes.length).buffer).reverse(), bytes])
  const number = (text: string): Buffer => field(Buffer.concat([Buffer.from([0]), Buffer.from(text, 'base64url')]))
  return `ssh-rsa ${Buffer.concat([field(Buffer.from('ssh-rsa')), number(e), number(n)]).toString('base64')}`
}

describe('a line of sshkeys', () => {
  it.each([
    ['a bare key', key, true],
    ['a key with a comment of several words', `${key} work laptop`, true],
    ['a key behind options', `command="echo \\"hi\\"",no-pty ${key}`, true],
    ['an RSA key of 2048 bits', rsaKey(2048), true],
    ['an RSA key of 512 bits', rsaKey(512), false],
    ['a key that was cut off', key.slice(0, -4), false],
    ['a key of another type than it says', key.replace('ed25519', 'rsa'), false],
    ['four letters', 'ssh-ed25519 AAAA a b c', false],
    ['a comment', '# mine', false],
    ['a word', 'nonsense', false],
  ])('%s: %s', (_, line, isRight) => {
    expect(isPublicKey(line)).toBe(isRight)
  })
})

/** Facts: section 22 (values), PVE::QemuServer write_vm_config and parse_vm_config, PVE::JSONSchema's formats. */
describe('an odd value', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(async () => {
    pve.simulator.reset()
    const { data } = await pve.api('POST', '/nodes/pve1/qemu', {
      vmid: 100,
      name: 'one',
      ostype: 'l26',
      scsihw: 'virtio-scsi-pci',
      scsi0: 'local-lvm:4',
      ide2: 'local-lvm:cloudinit',
      net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0',
    })
    await pve.exitOf(data)
  })
  afterAll(() => pve.stop())

  const put = (params: Record<string, string | number>) => pve.api('PUT', `${vm}/config`, params)
  const config = async () => (await pve.api('GET', `${vm}/config`)).data as Record<string, string | number>
  const dump = async (type: string) => String((await pve.api('GET', `${vm}/cloudinit/dump`, { type })).data)
  const power = async (call: string, params = {}) => pve.exitOf((await pve.api('POST', `${vm}/status/${call}`, params)).data)

  it.each(['ciuser', 'nameserver', 'tags', 'searchdomain'])('that is blank is stored as one space: %s', async (option) => {
    for (const blank of ['', '   ']) {
      expect(await put({ [option]: blank })).toMatchObject({ status: 200 })
      expect((await config())[option]).toBe(' ')
    }
  })

  it('loses the white space and the quotes round it', async () => {
    await put({ ciuser: '  "ann"  ' })
    expect((await config())['ciuser']).toBe('ann')
  })

  it.each([
    ['cpulimit', '.5', "unable to parse value of 'cpulimit' - type check ('number') failed - got '.5'"],
    ['cores', '+2', "unable to parse value of 'cores' - type check ('integer') failed - got '+2'"],
    ['ciuser', 'a\nb', "unable to parse value of 'ciuser' - property contains a line feed"],
  ])('that the schema lets pass and the file does not is a 500: %s', async (option, value, reason) => {
    expect(await put({ [option]: value })).toMatchObject({ status: 500, reason })
    expect(await config()).not.toHaveProperty(option)
  })

  it.each([
    ['cpu', 'custom-x', "invalid format - Custom cputype 'x' not found\n"],
    ['cpu', 'flags=+aes', 'invalid format - CPU is missing cputype\n'],
    ['cpu', 'host,flags=+evil', /^invalid format - VM-specific CPU flags must be a subset of: aes, amd-no-ssb/],
    [
      'ipconfig0',
      'ip=10.0.0.5/24,gw=fd00::1',
      'invalid format - format error\nipconfig0.gw: invalid format - value does not look like a valid IPv4 address\n\n',
    ],
    [
      'ipconfig0',
      'ip6=fd00::5/64,gw6=10.0.0.1',
      'invalid format - format error\nipconfig0.gw6: invalid format - value does not look like a valid IPv6 address\n\n',
    ],
    ['ipconfig0', 'ip=10.0.0.5/7', /valid ipv4 network configuration/],
    ['nameserver', 'fe80::1%eth0', 'invalid format - value does not look like a valid address: fe80::1%eth0\n'],
    ['startup', '0', 'invalid format - unable to parse startup options\n'],
  ])('is refused in the words of PVE: %s=%s', async (option, value, text) => {
    const { status, errors } = await put({ [option]: value })
    expect(status).toBe(400)
    expect(errors?.[option]).toMatch(text)
  })

  it('of a firewall rule: port 0 is stored and not listed', async () => {
    await pve.api('POST', `${vm}/firewall/rules`, { type: 'in', action: 'ACCEPT', proto: 'tcp', dport: '0' })
    expect((await pve.api('GET', `${vm}/firewall/rules`)).data).toEqual([expect.not.objectContaining({ dport: expect.anything() })])
  })

  it('in the keys ends up in the user data letter by letter, what is not ASCII encoded twice', async () => {
    await put({ sshkeys: encodeURIComponent(`${key} work: laptop\n\n${key} jörg\n`), ciuser: 'b', searchdomain: 'x.org', ciupgrade: 0 })
    expect(await dump('user')).toBe(
      `#cloud-config\nhostname: one\nmanage_etc_hosts: true\nfqdn: one.x.org\nuser: b\nssh_authorized_keys:\n  - ${key} work: laptop\n  - ${key} jÃ¶rg\n` +
        'chpasswd:\n  expire: False\nusers:\n  - default\n',
    )
    await put({ ciuser: 'root', delete: 'sshkeys' })
    expect(await dump('user')).toBe(
      '#cloud-config\nhostname: one\nmanage_etc_hosts: true\nfqdn: one.x.org\nuser: root\ndisable_root: False\nchpasswd:\n  expire: False\n',
    )
  })

  it('of the addresses ends up in the network data, with the node’s resolver where the guest has none', async () => {
    await put({ ipconfig0: 'ip=10.0.0.5/24,gw=10.0.0.1,ip6=fd00::5/64,gw6=fd00::1', searchdomain: 'x.org' })
    const { nameservers = [] } = pve.simulator.world.spec.resolver ?? {}
    expect(await dump('network')).toBe(
      "version: 1\nconfig:\n    - type: physical\n      name: eth0\n      mac_address: '02:00:00:00:00:01'\n      subnets:\n" +
        "      - type: static\n        address: '10.0.0.5'\n        netmask: '255.255.255.0'\n        gateway: '10.0.0.1'\n" +
        "      - type: static6\n        address: 'fd00::5/64'\n        gateway: 'fd00::1'\n" +
        `    - type: nameserver\n      address:\n${nameservers.map((one) => `      - '${one}'\n`).join('')}      search:\n      - 'x.org'\n`,
    )
    await put({ ipconfig0: 'ip=dhcp,ip6=auto', nameserver: '1.1.1.1 9.9.9.9' })
    expect(await dump('network')).toContain(
      "      - type: dhcp4\n      - type: ipv6_slaac\n    - type: nameserver\n      address:\n      - '1.1.1.1'\n",
    )
    await put({ ostype: 'win11' })
    expect(await dump('network')).toMatch(
      /^auto lo\niface lo inet loopback\n\n {8}dns_nameservers 1\.1\.1\.1 9\.9\.9\.9\n {8}dns_search x\.org\nauto eth0\n/,
    )
    expect(await dump('meta')).toMatch(/^\{\n {5}"uuid": "[0-9a-f]{40}"/)
  })

  it('of a password is hashed for Linux and kept plain for Windows, and never pending', async () => {
    await put({ cipassword: 'secret' })
    expect(await dump('user')).toMatch(/password: \$5\$/)
    await put({ ostype: 'win11' })
    await power('start')
    await put({ cipassword: 'secret' })
    expect(await dump('user')).toContain('password: secret\n')
    expect((await pve.api('GET', `${vm}/cloudinit`)).data).toContainEqual({ key: 'cipassword', value: '**********' })
  })

  it('changed while the guest is off is on the drive at once: nothing is told as pending', async () => {
    await put({ ciuser: 'a' })
    await put({ ciuser: 'b', ciupgrade: 0 })
    expect((await pve.api('GET', `${vm}/cloudinit`)).data).toEqual([{ key: 'ciuser', value: 'b' }])
  })

  it('of ipconfig and the name never shows in GET cloudinit when it is changed, only when it is added or deleted', async () => {
    await put({ ipconfig0: 'ip=10.0.0.5/24' })
    await power('start')
    await put({ ipconfig0: 'ip=10.0.0.6/24', name: 'two' })
    const view = async () => (await pve.api('GET', `${vm}/cloudinit`)).data
    expect(await view()).toEqual([])
    await put({ delete: 'ipconfig0' })
    expect(await view()).toEqual([{ key: 'ipconfig0', delete: 1 }])
  })
})

/** Facts: section 22 (hot-unplug), recordings 61 and 65, PVE::QemuServer vm_deviceunplug. */
describe('a device of a running guest without a system', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill({ speed: 200 })
    pve.simulator.world.spec.durations.guestsObeyShutdown = false
  })
  afterAll(() => pve.stop())

  it.each([
    ['virtio-scsi-pci', 'scsi1', undefined],
    ['virtio-scsi-single', 'scsi1', 'virtioscsi1'],
    ['virtio-scsi-pci', 'virtio1', 'virtio1'],
    ['virtio-scsi-pci', 'net1', 'net1'],
  ])('with %s lets go of %s unless it is a PCI device', async (scsihw, device, busy) => {
    const vmid = 100 + ['scsi1', 'virtio1', 'net1'].indexOf(device) + (scsihw.endsWith('single') ? 10 : 0)
    const value = device === 'net1' ? 'virtio,bridge=vmbr0' : 'local-lvm:1'
    const { data } = await pve.api('POST', '/nodes/pve1/qemu', { vmid, scsihw, scsi0: 'local-lvm:1', [device]: value })
    await pve.exitOf(data)
    await pve.exitOf((await pve.api('POST', `/nodes/pve1/qemu/${vmid}/status/start`)).data)
    const answer = await pve.api('PUT', `/nodes/pve1/qemu/${vmid}/config`, { delete: device })
    const text = `hotplug problem - error on hot-unplugging device '${busy}' - still busy in guest?\n`
    expect(answer.errors).toEqual(busy === undefined ? undefined : { [device]: text })
  })
})
