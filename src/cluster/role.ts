/** The commands that make the token in Proxmox VE. */
import { type Capability, privilegesOfMajor, usualCapabilities } from './privileges.ts'

export interface RoleNames {
  /** With its realm. */
  readonly user: string
  readonly token: string
  /** PVE 8 and newer keep names that begin with PVE, in any case, for themselves (PVE::API2::Role). */
  readonly role: string
}

export interface RoleOptions {
  readonly pve: 8 | 9
  /** Beyond what every VM needs. Absent: what `pve-operator role` grants by default. */
  readonly capabilities?: readonly Capability[]
  /** Guests and storages are granted on this PVE pool (spec.pvePool) instead of on /vms and /storage. */
  readonly pool?: string
}

const names: RoleNames = { user: 'pve-operator@pve', token: 'k8s', role: 'KubePVEOperator' }

/** For a shell on any node of a cluster of that major version: one role, its user and token, and a grant for each of the two on each path. */
export function roleCommands({ pve, capabilities = usualCapabilities, pool }: RoleOptions): string {
  const { user, token, role } = names
  const rows = privilegesOfMajor(pve).filter(({ capability }) => capability === undefined || capabilities.includes(capability))
  const privileges = [...new Set(rows.map(({ privilege }) => privilege))].toSorted()
  const paths = [...new Set(rows.map(({ path }) => (pool !== undefined && isOfPool(path) ? `/pool/${pool}` : path)))]
  // Rights of a token with privilege separation are those that both it and its user have.
  const grants = paths.flatMap((path) => [
    `pveum acl modify ${path} --users '${user}' --roles ${role} --propagate ${propagation(path)}`,
    `pveum acl modify ${path} --tokens '${user}!${token}' --roles ${role} --propagate ${propagation(path)}`,
  ])
  return [
    `# Least-privilege role, user and token for pve-operator. PVE ${pve}; run on one node of the cluster as root.`,
    `pveum role add ${role} --privs '${privileges.join(' ')}'`,
    `pveum user add '${user}' --comment 'pve-operator'`,
    `pveum user token add '${user}' ${token} --privsep 1`,
    '# The secret is printed only now. It goes into the Secret that ProxmoxCluster.spec.credentialsSecretRef names:',
    `#   kubectl create secret generic pve-credentials --from-literal=tokenID='${user}!${token}' --from-literal=tokenSecret=SECRET`,
    ...grants,
    '# To narrow it: grant /storage/NAME for each storage in use instead of /storage, and /sdn/zones/ZONE/BRIDGE instead of /sdn/zones.',
    '',
  ].join('\n')
}

const isOfPool = (path: string): boolean => path === '/vms' || path === '/storage'

/** On / only what is asked of / itself; handed down, the role would reach everything. */
const propagation = (path: string): 0 | 1 => (path === '/' ? 0 : 1)
