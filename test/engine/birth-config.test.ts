import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import type { VMPackage } from '../../src/api/vmpackage.ts'
import { mergePackages } from '../../src/want/package-merge.ts'
import { wantOf } from '../../src/want/want.ts'
import { provision } from '../../src/lifecycle.ts'
import { isConfigStep, mergedChange, type Values } from '../../src/ladder/config-step.ts'
import { example } from './vms.ts'
import type { GrantedAddress } from '../../src/want/granted-address.ts'

const uid = '6d0c1c1e-0000-4000-8000-000000000001'
const declared = example<ProxmoxVM>('ProxmoxVM', 'whmcs-5546')
const vm: ProxmoxVM = { ...declared, metadata: { ...declared.metadata, uid } }
const merged = mergePackages(example<VMPackage>('VMPackage', 'vps-m').spec, vm.spec.package ?? {})

const grants: GrantedAddress[] = [
  {
    entry: 'main',
    family: 'IPv4',
    address: '203.0.113.10',
    prefixLength: 24,
    gateway: '203.0.113.1',
    nameservers: ['203.0.113.2', '203.0.113.3'],
    searchDomain: 'vps.example.com',
    bridge: 'vmbr0',
    vlan: 120,
    pool: 'public-v4',
  },
  {
    entry: 'main6',
    family: 'IPv6',
    address: '2001:db8:a::100',
    prefixLength: 64,
    gateway: '2001:db8:a::1',
    nameservers: ['2001:db8::53'],
    pool: 'public-v6',
  },
]
const status: ProxmoxVMStatus = {
  vmid: 10000,
  node: 'pve1',
  vmName: 'web1.vps.example.com',
  hostname: 'web1.vps.example.com',
  interfaces: [{ name: 'net0', macAddress: 'BC:24:11:12:34:56', bridge: 'vmbr0', vlan: 120 }],
  disks: [
    { name: 'system', key: 'scsi0', volume: 'local-lvm:vm-10000-disk-0' },
    { name: 'data', key: 'scsi1' },
  ],
}
const want = wantOf({
  vm,
  status,
  merged,
  grants,
  net: { bridge: 'vmbr0', vlan: 120 },
  credentials: { password: 'pass', version: 's/1' },
  storageType: () => 'lvmthin',
  systemDiskStorage: 'local-lvm',
})

/** The clone of debian-13: our name and description travel with the clone request. */
const clone: Values = {
  name: 'web1.vps.example.com',
  description: want.description,
  boot: 'order=scsi0;ide2;net0',
  cores: '2',
  memory: '2048',
  scsi0: 'local-lvm:vm-10000-disk-0,discard=on,size=10G',
  ide2: 'local-lvm:vm-10000-cloudinit,media=cdrom',
  net0: 'virtio=BC:24:11:FF:00:01,bridge=vmbr0',
  digest: 'd1',
}

describe('the one configuration request of whmcs-5546', () => {
  const patch = mergedChange(provision.filter(isConfigStep), clone, want)

  it('carries every key, whatever its rung', () => {
    expect(patch).toEqual({
      set: {
        onboot: '1',
        tags: 'pve-operator',
        cpu: 'x86-64-v2-AES',
        cpulimit: '1.5',
        cpuunits: '200',
        memory: '8192',
        balloon: '0',
        scsi0: 'local-lvm:vm-10000-disk-0,discard=on,size=10G,mbps_rd=200,mbps_wr=100,iops_rd=4000,iops_wr=2000,iops_rd_max=8000',
        scsi1: 'local-lvm:100,discard=on,mbps_rd=80,mbps_wr=80',
        net0: 'virtio=BC:24:11:12:34:56,bridge=vmbr0,firewall=1,rate=12.5,tag=120',
        ciuser: 'admin',
        cipassword: 'pass',
        ciupgrade: '0',
        sshkeys: 'ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIJ8r3Zk0y0m1c8rQb3n0y0wqk2bW5m4m3m2m1m0m9m8m%20admin%40example.com',
        ipconfig0: 'ip=203.0.113.10/24,gw=203.0.113.1,ip6=2001:db8:a::100/64,gw6=2001:db8:a::1',
        nameserver: '203.0.113.2 203.0.113.3 2001:db8::53',
        searchdomain: 'vps.example.com',
      },
      remove: [],
    })
  })

  it('sends no key that is already so', () => {
    expect(Object.keys(patch.set)).toEqual(expect.not.arrayContaining(['name', 'description', 'cores', 'sockets', 'protection', 'boot']))
  })

  it('leaves the size to its own request', () => {
    const resize = provision.filter((step) => !isConfigStep(step) && step.needs === 'config')
    const seen = {
      guest: 'ours' as const,
      config: { values: { ...clone, scsi1: 'local-lvm:vm-10000-disk-1,size=100G' }, digest: 'd', pending: [] },
    }

    expect(resize.map((step) => [step.name, step.check(seen, want)])).toContainEqual([
      'set_system_disk_size',
      { is: 'missing', message: 'system disk (scsi0) 10Gi → 40Gi' },
    ])
  })

  it('is followed by the firewall the package sells', () => {
    expect(want.firewall.ipfilter).toEqual(['203.0.113.10', '2001:db8:a::100'])
    expect(want.firewall.rules.map((rule) => rule['comment'])).toEqual([
      'pve.hosting/rule=ssh',
      'pve.hosting/rule=web',
      'pve.hosting/rule=icmp',
      'pve.hosting/rule=no-smtp lifted on request',
    ])
  })
})
