import type { Seen, Want, WantedDisk, WantedFirewall } from '../../src/ladder/machine.ts'
import type { Values } from '../../src/ladder/config-step.ts'
import { markOf } from '../../src/ladder/mark.ts'

const uid = '6d0c1c1e-0000-4000-8000-000000000001'
const mark = markOf(uid, 10000)

/** A wish that is complete: one core, 1 GiB, the template's disk, one NIC, no firewall, DHCP. */
export function wanting(over: Partial<Want> = {}): Want {
  return {
    uid,
    vmid: 10000,
    mark,
    description: `${mark}\nProxmoxVM customer-7/small, managed by pve-operator: change the object, not the VM.`,
    name: 'small',
    tags: ['pve-operator'],
    onboot: true,
    fresh: true,
    cpu: { cores: 1, sockets: 1, type: 'x86-64-v2-AES' },
    memory: { sizeMiB: 1024 },
    systemDisk: { key: 'scsi0', limits: {} },
    additionalDisks: [],
    removedDisks: [],
    net: { model: 'virtio', macAddress: 'BC:24:11:00:00:01', bridge: 'vmbr0', firewall: false },
    firewall: wantingFirewall(),
    cloudInit: { ipconfig0: 'ip=dhcp,ip6=auto', ciupgrade: '0' },
    power: 'started-once',
    mayStop: false,
    waitingKeys: [],
    guestLacksAddresses: false,
    leaving: [],
    ...over,
  }
}

export const wantingFirewall = (over: Partial<WantedFirewall> = {}): WantedFirewall => ({
  options: { enable: '0', policy_in: 'DROP', policy_out: 'ACCEPT', macfilter: '1', dhcp: '1', ndp: '1', radv: '0', ipfilter: '0' },
  rules: [],
  ...over,
})

export const wantingDisk = (over: Partial<WantedDisk> = {}): WantedDisk => ({
  name: 'data',
  key: 'scsi1',
  storage: 'local-lvm',
  sizeMiB: 102_400,
  limits: {},
  ...over,
})

/** The configuration of a VM that is as `wanting()` says. */
export const settledValues: Values = {
  name: 'small',
  description: wanting().description,
  tags: 'pve-operator',
  onboot: '1',
  cores: '1',
  sockets: '1',
  cpu: 'x86-64-v2-AES',
  memory: '1024',
  boot: 'order=scsi0',
  scsi0: 'local-lvm:vm-10000-disk-0,size=10G',
  ide2: 'local-lvm:vm-10000-cloudinit,media=cdrom',
  net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0',
  ipconfig0: 'ip=dhcp,ip6=auto',
  ciupgrade: '0',
  digest: '0123456789abcdef0123456789abcdef01234567',
}

/** Everything there is to see of a VM of ours with this configuration. */
export const seeing = (values: Values = settledValues, over: Partial<Seen> = {}): Seen => ({
  guest: 'ours',
  node: 'pve1',
  config: { values, digest: values['digest'] ?? '', pending: [] },
  firewall: { options: {}, rules: [] },
  power: 'stopped',
  ...over,
})

/** The configuration without these keys. */
export const without = (values: Values, ...keys: readonly string[]): Values =>
  Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)))
