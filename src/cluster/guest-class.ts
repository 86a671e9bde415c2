/** Whose a guest in PVE is, and what its configuration tells of it (pure). */
import { type Mark, parseMark } from '../ladder/mark.ts'
import type { At, IpsetEntry, VmConfig } from '../proxmox/answers.ts'
import { parseNet } from '../proxmox/net-string.ts'
import { parseProperties } from '../proxmox/property-string.ts'

/**
 * owned: marked with the uid of a living object, and with its own VMID. unclaimed: a mark of this or a former installation whose object is no
 * more. theirs: another installation's. copy: a mark with another VMID, from a clone or a backup. foreign: no mark of ours.
 */
export type GuestClass = 'owned' | 'unclaimed' | 'theirs' | 'copy' | 'foreign'

/** What must be known of Kubernetes to tell. */
export interface Owners {
  /** A ProxmoxVM with this uid exists. */
  readonly isLiving: (uid: string) => boolean
  readonly installation: string
  /** spec.formerInstallations of the ProxmoxCluster. */
  readonly former: readonly string[]
}

/** A mark without its second line is of a version before it was written, and counts as this installation's. */
export function classOf(mark: Mark | undefined, vmid: number, { isLiving, installation, former }: Owners): GuestClass {
  if (!mark) return 'foreign'
  if (mark.vmid !== vmid) return 'copy'
  if (isLiving(mark.uid)) return 'owned'
  const of = mark.object?.installation
  return of === undefined || of === installation || former.includes(of) ? 'unclaimed' : 'theirs'
}

/** One guest as its configuration shows it. */
export interface GuestFacts extends At {
  readonly name: string
  readonly mark?: Mark
  /** Of net0, upper case. */
  readonly macAddress?: string
  /** In ipconfigN and the ipfilter sets, each once, as PVE spells them, without prefix lengths. */
  readonly addresses: readonly string[]
}

export function guestFactsOf(at: At, config: Omit<VmConfig, 'digest'>, allowed: readonly IpsetEntry[]): GuestFacts {
  const mark = parseMark(text(config['description']))
  const macAddress = parseNet(text(config['net0']) ?? '').macAddress?.toUpperCase()
  const shown = [...configuredAddresses(config), ...allowed.filter(({ nomatch }) => !nomatch).flatMap(({ cidr }) => host(cidr))]
  return {
    node: at.node,
    vmid: at.vmid,
    name: text(config['name']) ?? '',
    ...(mark && { mark }),
    ...(macAddress !== undefined && { macAddress }),
    addresses: [...new Set(shown)],
  }
}

const text = (value: string | number | undefined): string | undefined => (value === undefined ? undefined : String(value))

/** Of every ipconfigN, in their order; `dhcp`, `auto` and `manual` are none. */
export function configuredAddresses(config: Readonly<Record<string, string | number>>): string[] {
  const keys = Object.keys(config).filter((key) => /^ipconfig\d+$/.test(key))
  return keys
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .flatMap((key) => parseProperties(String(config[key])))
    .filter(({ key }) => key === 'ip' || key === 'ip6')
    .map(({ value }) => value.split('/')[0] ?? '')
    .filter((value) => /^[0-9a-f.:]+$/i.test(value) && /[.:]/.test(value))
}

/** A whole network in a set is no address that the guest has. */
function host(cidr: string): string[] {
  const [address = '', prefix] = cidr.split('/')
  const isHost = prefix === undefined || prefix === (address.includes(':') ? '128' : '32')
  return isHost && /^[0-9a-f.:]+$/i.test(address) && /[.:]/.test(address) ? [address] : []
}
