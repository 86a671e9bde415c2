// Scenario fleet-of-strangers: the default preset with 50 guests that a hosting panel and its admins have made over the years.
import { emptyFirewall } from '../firewall/file.ts'
import { Random } from '../world/random.ts'
import type { GuestSpec, WorldSpec } from '../world/spec.ts'
import { defaultSpec } from './default.ts'

/** VMIDs 101 to 150. */
const firstVmid = 101
const count = 50
/** The same guests in each run. */
const seed = 20_150

type Config = Record<string, string>
/** What one guest is made with. */
interface Draft {
  readonly vmid: number
  readonly index: number
  readonly random: Random
  readonly storage: string
}

const pick = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

const disk = ({ vmid, storage }: Draft, number: number, sizeGiB: number, options = ''): string =>
  `${storage}:vm-${vmid}-disk-${number}${options},size=${sizeGiB}G`

/** Where the system disk is, and how it was bought. */
const systemDisks: readonly ((draft: Draft) => Config)[] = [
  (draft) => ({ boot: 'order=scsi0', scsihw: 'virtio-scsi-single', scsi0: disk(draft, 0, 40, ',discard=on,iothread=1') }),
  (draft) => ({ boot: 'order=virtio0', virtio0: disk(draft, 0, 25, ',mbps_rd=200,mbps_wr=100') }),
  (draft) => ({ boot: 'order=sata0', sata0: disk(draft, 0, 60) }),
  // Of a panel that still writes the old keys.
  (draft) => ({ boot: 'c', bootdisk: 'scsi0', scsihw: 'virtio-scsi-pci', scsi0: disk(draft, 0, 80, ',iops_rd=4000,iops_wr=2000') }),
  (draft) => ({ boot: 'order=ide2;scsi0;net0', scsihw: 'lsi', scsi0: disk(draft, 0, 32, ',cache=writeback') }),
]

/** Disks, EFI variables and leftovers beside it. */
const furtherDisks: readonly ((draft: Draft) => Config)[] = [
  () => ({}),
  (draft) => ({ scsi1: disk(draft, 1, 100, ',backup=0') }),
  () => ({}),
  (draft) => ({ virtio1: disk(draft, 1, 200), virtio2: disk(draft, 2, 10, ',ro=1') }),
  () => ({}),
  (draft) => ({ bios: 'ovmf', machine: 'q35', efidisk0: `${draft.storage}:vm-${draft.vmid}-disk-7,efitype=4m,size=4M` }),
  (draft) => ({ unused0: `${draft.storage}:vm-${draft.vmid}-disk-8` }),
]

/** CPU and memory, with favours that no price list knows. */
const sizes: readonly Config[] = [
  { cores: '1', memory: '1024' },
  { cores: '2', memory: '4096', cpu: 'host', cpulimit: '1.5' },
  { cores: '2', sockets: '2', memory: '6144', balloon: '0', numa: '1' },
  { cores: '4', memory: '8192', balloon: '4096', cpuunits: '200' },
  { cores: '8', memory: '12288', cpu: 'x86-64-v3', vcpus: '4' },
  { memory: '512' },
]

/** Addresses as the panel configured them: `n` is the last byte. */
const addresses: readonly ((n: number) => Config)[] = [
  (n) => ({ ipconfig0: `ip=203.0.113.${n}/24,gw=203.0.113.1` }),
  (n) => ({ ipconfig0: `ip=203.0.113.${n}/24,gw=203.0.113.1,ip6=2001:db8:a::${n}/64,gw6=2001:db8:a::1` }),
  () => ({ ipconfig0: 'ip=dhcp' }),
  (n) => ({ ipconfig0: `gw=203.0.113.1,ip=203.0.113.${n}/24`, nameserver: '192.0.2.53 192.0.2.54', searchdomain: 'old.example.com' }),
  // A network that is in no pool of anybody.
  (n) => ({ ipconfig0: `ip=198.51.100.${n}/24,gw=198.51.100.1` }),
  // Set up by hand inside the guest: PVE knows nothing of it.
  () => ({}),
]

const logins: readonly Config[] = [
  {
    ciuser: 'root',
    cipassword: '$5$simulated$x',
    sshkeys: 'ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIPanel0000000000000000000000000000000000000%20panel',
  },
  { ciuser: 'debian' },
  {},
  { cicustom: 'vendor=local:snippets/panel.yaml', ciupgrade: '0' },
]

/** Notes of people, tags and flags. */
const manners: readonly Config[] = [
  { description: 'client 4711, service 5546\nDo not move: licence is bound to pve1.', tags: 'billing;vip' },
  { onboot: '1', tags: 'panel' },
  { onboot: '1', protection: '1' },
  {},
  { description: '<b>Backup on Sundays</b>', onboot: '1', startup: 'order=3,up=20', hotplug: 'disk,network' },
]

function network({ random, index }: Draft): Config {
  const mac = pick([random.mac(), random.mac('00:16:3E'), random.mac('52:54:00')], index)
  const wire = pick(
    ['bridge=vmbr0', 'bridge=vmbr0,firewall=1,rate=12.5', 'bridge=vmbr0,tag=120', 'bridge=vmbr1,queues=4', 'bridge=vmbr0,mtu=1400'],
    index,
  )
  const second = index % 9 === 4 ? { net1: `virtio=${random.mac()},bridge=vmbr1,tag=300`, ipconfig1: `ip=10.20.0.${index + 1}/16` } : {}
  return { net0: `${index % 11 === 3 ? 'e1000' : 'virtio'}=${mac},${wire}`, ...second }
}

/** Every fourth has no cloud-init drive: an ISO was put in, or nothing. */
function cdrom({ vmid, storage, index }: Draft): Config {
  const slot = pick(['ide2', 'scsi30', 'ide0'], index)
  return index % 4 === 3
    ? { ide2: 'none,media=cdrom' }
    : { [slot === 'scsi30' && index % 5 === 2 ? 'ide0' : slot]: `${storage}:vm-${vmid}-cloudinit,media=cdrom,size=4M` }
}

function firewall(index: number, n: number): Partial<GuestSpec> {
  if (index % 7 !== 1 && index % 7 !== 4) return {}
  const rules = [
    { type: 'in', action: 'ACCEPT', enable: 1, macro: 'SSH', comment: 'customer asked 2024-05' },
    { type: 'in', action: 'DROP', enable: 1, proto: 'tcp', dport: '25' },
  ]
  const set = index % 7 === 4 ? { 'ipfilter-net0': { entries: [{ cidr: `203.0.113.${n}` }] } } : {}
  return { firewall: { ...emptyFirewall(), options: { enable: 1, policy_in: 'ACCEPT' }, rules, ipsets: set } }
}

function stranger(index: number, random: Random): GuestSpec {
  const vmid = firstVmid + index
  const draft: Draft = { vmid, index, random, storage: index % 4 === 3 ? 'ceph' : 'local-lvm' }
  const n = 10 + index
  const isWindows = index % 13 === 6
  // Of a set in the firewall alone: the guest configures the address by itself.
  const address = index % 7 === 4 ? {} : pick(addresses, index)(n)
  return {
    vmid,
    node: `pve${(index % 3) + 1}`,
    running: index % 4 !== 2,
    config: {
      agent: pick(['enabled=1', '0', 'enabled=1,fstrim_cloned_disks=1'], index),
      meta: `creation-qemu=9.0.2,ctime=${1_600_000_000 + index * 86_400}`,
      // One was never named.
      ...(index === 17 ? {} : { name: index % 8 === 5 ? `SRV-${vmid}` : `client-${4700 + index}.example.net` }),
      ostype: isWindows ? 'win11' : pick(['l26', 'l26', 'other'], index),
      smbios1: `uuid=${random.uuid()}`,
      vmgenid: random.uuid(),
      ...(index % 2 === 0 ? { serial0: 'socket', vga: 'serial0' } : {}),
      ...cdrom(draft),
      ...pick(systemDisks, index)(draft),
      ...pick(furtherDisks, index)(draft),
      ...pick(sizes, index + Math.floor(index / 6)),
      ...network(draft),
      ...address,
      ...pick(logins, index + Math.floor(index / 4)),
      ...(isWindows ? { ciuser: 'Administrator' } : {}),
      ...pick(manners, index + Math.floor(index / 5)),
    },
    ...firewall(index, n),
    ...(index % 10 === 8
      ? {
          // And a half: whoever counts whole days gets the same number, however the clocks of two machines differ.
          snapshots: [
            { name: 'before_upgrade', ageDays: 400.5 },
            { name: 'test', ageDays: 3.5 },
          ],
        }
      : {}),
  }
}

/** The default preset with them; two are managed by high availability. */
export function strangersSpec(): WorldSpec {
  const spec = defaultSpec()
  const random = new Random(seed)
  const strangers = Array.from({ length: count }, (_, index) => stranger(index, random))
  return {
    ...spec,
    guests: [...spec.guests, ...strangers],
    // Snippets of the panel, without which PVE starts none of its guests.
    volumes: spec.nodes.map(({ name }) => ({ volid: 'local:snippets/panel.yaml', node: name, sizeBytes: 512 })),
    ha: {
      resources: [
        { vmid: firstVmid + 3, state: 'started' },
        { vmid: firstVmid + 23, state: 'started' },
      ],
    },
  }
}
