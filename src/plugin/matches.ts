/** What a word can mean among VMs, addresses and guests. Pure. */
import type { PoolAddress } from '../api/pooladdress.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { addressesInForce, addressesReleasing } from '../api/held-addresses.ts'
import { canonical, parseAddress } from '../ipam/address.ts'
import { marksOf } from '../ipam/records.ts'

export interface Searched {
  readonly vms: readonly ProxmoxVM[]
  readonly addresses: readonly PoolAddress[]
  readonly clusters: readonly ProxmoxCluster[]
}

/** One thing found; the shape of `-o json`. */
export interface Match {
  /** holder: has an address, and its object is gone or not the caller's to read. former holder: had one. */
  readonly what: 'ProxmoxVM' | 'guest without object' | 'holder' | 'former holder'
  /** namespace/name, or the ProxmoxCluster of a guest. */
  readonly where: string
  readonly vmid?: number
  readonly node?: string
  readonly state: string
  readonly ips: readonly string[]
  /** Of a VM: no longer in its spec, and perhaps still used by its guest; absent: none. */
  readonly releasing?: readonly string[]
  /** `vmid 10000`: the field and its value. */
  readonly by: readonly string[]
}

/** Something with its fields, before it is known whether one of them is meant. */
interface Candidate extends Omit<Match, 'by'> {
  readonly fields: readonly (readonly [field: string, value: string])[]
}

/** Whole values first; only when none is meant, parts of names and labels. */
export function foundAmong(searched: Searched, text: string): Match[] {
  const all = [
    ...searched.vms.map(ofVM),
    ...searched.clusters.flatMap(unclaimedOf),
    ...inUseOf(searched),
    ...holdersOnly(searched),
    ...formerOf(searched),
  ]
  const wanted = spelled(text)
  const whole = matching(all, (value) => spelled(value) === wanted)
  return whole.length > 0 || wanted.length < 3 ? whole : matching(all, (value) => value.toLowerCase().includes(wanted))
}

function matching(all: readonly Candidate[], isMeant: (value: string) => boolean): Match[] {
  return all.flatMap(({ fields, ...rest }) => {
    const by = fields.filter(([, value]) => isMeant(value)).map(([field, value]) => `${field} ${value}`)
    return by.length > 0 ? [{ ...rest, by: [...new Set(by)] }] : []
  })
}

/** Addresses and MACs have many spellings, names two. */
function spelled(text: string): string {
  const plain = text.trim().toLowerCase()
  const host = plain.replace(/\/(?:32|128)$/, '').replace(/^\[(.*)\]$/, '$1')
  if (parseAddress(host)) return canonical(host)
  const digits = plain.replaceAll(/[:.-]/g, '')
  return /^[0-9a-f]{12}$/.test(digits) && /[:.-]/.test(plain) ? digits : plain
}

const labelFields = (labels: Record<string, string> | undefined): (readonly [string, string])[] =>
  Object.entries(labels ?? {}).map(([key, value]) => [key.replace(/^pve\.hosting\//, ''), value] as const)

function ofVM({ metadata, spec, status }: ProxmoxVM): Candidate {
  const { namespace = '', name, uid, labels } = metadata
  const { vmid, node, hostname, vmName, phase = 'Pending', interfaces = [] } = status ?? {}
  const [ips, releasing] = [addressesInForce(status), addressesReleasing(status)]
  return {
    what: 'ProxmoxVM',
    where: `${namespace}/${name}`,
    ...(vmid !== undefined && { vmid }),
    ...(node !== undefined && { node }),
    state: metadata.deletionTimestamp === undefined ? phase : 'Terminating',
    ips,
    ...(releasing.length > 0 && { releasing }),
    fields: [
      ['name', name],
      ['name', `${namespace}/${name}`],
      ['namespace', namespace],
      ...(uid === undefined ? [] : [['uid', uid] as const]),
      ...[hostname, spec.hostname].flatMap((one) => (one === undefined ? [] : [['host name', one] as const])),
      ...(vmName === undefined ? [] : [['name in PVE', vmName] as const]),
      ...(vmid === undefined ? [] : [['vmid', String(vmid)] as const]),
      ...interfaces.map(({ macAddress }) => ['mac', macAddress] as const),
      ...ips.map((ip) => ['address', ip] as const),
      ...releasing.map((ip) => ['address being released', ip] as const),
      ...labelFields(labels),
    ],
  }
}

function unclaimedOf({ metadata, status }: ProxmoxCluster): Candidate[] {
  return (status?.unclaimed ?? []).map(({ vmid, node, name, addresses = [], formerObject, installation }) => ({
    what: 'guest without object',
    where: metadata.name,
    vmid,
    node,
    state: installation === undefined ? 'unclaimed' : `of Kubernetes cluster ${installation}`,
    ips: addresses,
    fields: [
      ['name in PVE', name],
      ['vmid', String(vmid)],
      ...(formerObject === undefined
        ? []
        : [['former object', formerObject] as const, ['former object', formerObject.replace(/^.*\//, '')] as const]),
      ...addresses.map((ip) => ['address', ip] as const),
    ],
  }))
}

/** Guests that carry no mark of ours and have an address of a pool. */
function inUseOf({ addresses, clusters }: Searched): Candidate[] {
  const listed = new Set(
    clusters.flatMap(({ metadata, status }) => (status?.unclaimed ?? []).map(({ vmid }) => `${metadata.name}/${vmid}`)),
  )
  const guests = Map.groupBy(
    addresses.filter(({ spec }) => spec.inUse && !listed.has(`${spec.inUse.cluster}/${spec.inUse.vmid}`)),
    ({ spec }) => `${spec.inUse?.cluster}/${spec.inUse?.vmid}`,
  )
  return [...guests.values()].flatMap((records) => {
    const guest = records[0]?.spec.inUse
    const ips = records.map(({ spec }) => canonical(spec.address))
    return guest === undefined
      ? []
      : [
          {
            what: 'guest without object' as const,
            where: guest.cluster,
            vmid: guest.vmid,
            ...(guest.node !== undefined && { node: guest.node }),
            state: 'has addresses of a pool',
            ips,
            fields: [
              ['vmid', String(guest.vmid)] as const,
              ...(guest.name === undefined ? [] : [['name in PVE', guest.name] as const]),
              ...ips.map((ip) => ['address', ip] as const),
            ],
          },
        ]
  })
}

/** Who has an address without being found as a VM: an orphan, or an object of a namespace the caller may not read. */
function holdersOnly({ vms, addresses }: Searched): Candidate[] {
  const living = new Set(vms.map(({ metadata }) => metadata.uid))
  return addresses.flatMap(({ metadata, spec }) => {
    const { claimRef, state = 'Allocated' } = spec
    if (!claimRef || living.has(claimRef.uid)) return []
    const { vmid, labels } = marksOf({ metadata, spec } as PoolAddress)
    const ip = canonical(spec.address)
    return [
      {
        what: 'holder' as const,
        where: `${claimRef.namespace}/${claimRef.name}`,
        ...(vmid !== undefined && { vmid }),
        state,
        ips: [ip],
        fields: [
          ['name', claimRef.name] as const,
          ['name', `${claimRef.namespace}/${claimRef.name}`] as const,
          ['uid', claimRef.uid] as const,
          ['address', ip] as const,
          ...(vmid === undefined ? [] : [['vmid', String(vmid)] as const]),
          ...labelFields(labels),
        ],
      },
    ]
  })
}

/** Who had an address and is no longer there to be found as a VM. */
function formerOf({ vms, addresses }: Searched): Candidate[] {
  const living = new Set(vms.map(({ metadata }) => metadata.uid))
  const records = addresses.flatMap(({ spec }) => (spec.history ?? []).map((holder) => ({ holder, ip: canonical(spec.address) })))
  const gone = Map.groupBy(
    records.filter(({ holder }) => !living.has(holder.uid)),
    ({ holder }) => holder.uid,
  )
  return [...gone.values()].flatMap((held) => {
    const last = held
      .map(({ holder }) => holder)
      .toSorted((a, b) => a.to.localeCompare(b.to))
      .at(-1)
    if (last === undefined) return []
    const ips = [...new Set(held.map(({ ip }) => ip))]
    return [
      {
        what: 'former holder' as const,
        where: `${last.namespace}/${last.name}`,
        ...(last.vmid !== undefined && { vmid: last.vmid }),
        state: `until ${last.to}`,
        ips,
        fields: [
          ['name', last.name] as const,
          ['name', `${last.namespace}/${last.name}`] as const,
          ['uid', last.uid] as const,
          ...(last.vmid === undefined ? [] : [['vmid', String(last.vmid)] as const]),
          ...ips.map((ip) => ['address', ip] as const),
          ...labelFields(last.labels),
        ],
      },
    ]
  })
}
