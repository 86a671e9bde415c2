import { neededPrivileges } from './privileges.ts'

export interface RoleNames {
  /** Without the realm's part it is created in realm `pve`. */
  readonly user: string
  readonly token: string
  readonly role: string
}

const usualNames: RoleNames = { user: 'pve-operator@pve', token: 'k8s', role: 'PVEOperator' }

/**
 * The commands that make the least-privilege role, its user and token, for a shell on any node. The same for PVE 8 and 9: the
 * privileges that differ between them (VM.Monitor, VM.GuestAgent.*) are not needed.
 */
export function roleCommands(names: RoleNames = usualNames): string {
  const { user, token, role } = names
  const privileges = [...new Set(neededPrivileges.map(({ privilege }) => privilege))].toSorted()
  const paths = [...new Set(neededPrivileges.map(({ path }) => path))]
  // Rights of a token with privilege separation are those that both it and its user have.
  const grants = paths.flatMap((path) => [
    `pveum acl modify ${path} --users '${user}' --roles ${role} --propagate ${propagation(path)}`,
    `pveum acl modify ${path} --tokens '${user}!${token}' --roles ${role} --propagate ${propagation(path)}`,
  ])
  return [
    '# Least-privilege role, user and token for pve-operator. PVE 8 and 9; run on one node of the cluster as root.',
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

/** On / only what is asked of / itself; handed down, the role would reach everything. */
const propagation = (path: string): 0 | 1 => (path === '/' ? 0 : 1)
