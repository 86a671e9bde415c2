import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { GrantedAddress } from './granted-address.ts'
import { plainKey } from '../api/yaml-text.ts'

type CloudInit = NonNullable<ProxmoxVM['spec']['cloudInit']>

/** What a Secret gives. `version` names it without telling it. */
export interface Credentials {
  readonly password: string
  readonly version: string
}

/** Why the VM needs a cloud-init drive, as the end of a sentence; undefined: it does not. Without one PVE takes all keys and the guest gets none. */
export function reasonForCloudInit(
  vm: ProxmoxVM,
  addresses: readonly { readonly address: string; readonly state?: string }[],
): string | undefined {
  if (vm.spec.cloudInit) return 'spec.cloudInit reaches the guest only through that drive'
  // One that is being released the guest has, and need not learn.
  const own = addresses.find(({ state }) => !state)
  return own && `the guest gets its address ${own.address} only through that drive`
}

/** PVE's cloud-init keys; one that is absent here is removed from the VM, so that nothing of a template reaches a customer. */
export function wantedCloudInit(
  cloudInit: CloudInit | undefined,
  grants: readonly GrantedAddress[],
  credentials: Credentials | undefined,
): Record<string, string> {
  const nameservers = cloudInit?.nameservers?.length ? cloudInit.nameservers : unique(grants.flatMap((grant) => grant.nameservers))
  const searchDomain = cloudInit?.searchDomain ?? grants.find((grant) => grant.searchDomain)?.searchDomain
  return {
    ipconfig0: ipConfig(grants),
    // A package upgrade at first boot takes minutes; images are upgraded by their makers.
    ciupgrade: '0',
    ...(cloudInit?.user && { ciuser: cloudInit.user }),
    ...(credentials && { cipassword: credentials.password }),
    ...(cloudInit?.sshAuthorizedKeys?.length && { sshkeys: encodeKeys(cloudInit.sshAuthorizedKeys) }),
    ...(nameservers.length > 0 && { nameserver: nameservers.join(' ') }),
    ...(searchDomain && { searchdomain: searchDomain }),
  }
}

/** The first address of each family goes to the guest; PVE's ipconfigN has room for one. Without any: DHCP and SLAAC. */
function ipConfig(grants: readonly GrantedAddress[]): string {
  if (grants.length === 0) return 'ip=dhcp,ip6=auto'
  const v4 = grants.find((grant) => grant.family === 'IPv4')
  const v6 = grants.find((grant) => grant.family === 'IPv6')
  return [
    v4 && `ip=${v4.address}/${v4.prefixLength}`,
    v4?.gateway && `gw=${v4.gateway}`,
    v6 && `ip6=${v6.address}/${v6.prefixLength}`,
    v6?.gateway && `gw6=${v6.gateway}`,
  ]
    .filter(Boolean)
    .join(',')
}

/** PVE wants the value itself percent-encoded, with %20 and never "+", before the body is encoded (qemu-server `sshkeys`, format urlencoded). */
const encodeKeys = (keys: readonly string[]) =>
  encodeURIComponent(keys.map(plainKey).join('\n')).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

const unique = (values: readonly string[]) => [...new Set(values)]
