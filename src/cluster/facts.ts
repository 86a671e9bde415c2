import type { Pve } from '../proxmox/endpoints.ts'
import { type TagAccess, tagAccessOf } from './tag-access.ts'
import { missingFrom, type MissingPrivilege } from './privileges.ts'

/** What was found out about a PVE cluster at the last preflight. */
export interface ClusterFacts {
  /** `9.2.11`, of the node that answered. */
  readonly version: string
  readonly majorVersion: number
  /** Without it reads work and writes do not. Undefined: the token may not ask. */
  readonly quorate: boolean | undefined
  /** Whether firewall rules of guests are in force at all. Undefined: the token may not ask. */
  readonly firewallEnabled: boolean | undefined
  /** Bridges and VNets that a grant of the token names, perhaps for single VLANs: the listing of a node leaves these out. */
  readonly grantedBridges: ReadonlySet<string>
  /** Absent: the token may set and remove any tag, or may not ask. */
  readonly tagAccess?: TagAccess
  /** Those every VM needs. */
  readonly missingPrivileges: readonly MissingPrivilege[]
  /** Those of capabilities: what they are for is off, all else works. */
  readonly missingOptional: readonly MissingPrivilege[]
}

/** The token sees the tasks of the whole cluster. */
export const isAuditor = ({ missingPrivileges, missingOptional }: ClusterFacts): boolean =>
  ![...missingPrivileges, ...missingOptional].some(({ path, privilege }) => path === '/' && privilege === 'Sys.Audit')

/** Older ones resize synchronously and know no SDN.Use. */
export const oldestMajorVersion = 8

/** Four small reads, and a fifth for a token that PVE may restrict in its tags. Throws the PveError of the first two; what only needs a privilege that is missing is left undefined. */
export async function preflight(
  pve: Pick<Pve, 'version' | 'permissions' | 'clusterStatus' | 'firewallOptionsDatacenter' | 'datacenterOptions'>,
  o: { pool?: string | undefined } = {},
): Promise<ClusterFacts> {
  const [version, permissions] = await Promise.all([pve.version(), pve.permissions()])
  const majorVersion = Number.parseInt(version, 10) || 0
  const missing = missingFrom(permissions, { ...o, major: majorVersion })
  const mayAudit = !missing.some(({ path, privilege }) => path === '/' && privilege === 'Sys.Audit')
  const [status, firewall] = mayAudit ? await Promise.all([pve.clusterStatus(), pve.firewallOptionsDatacenter()]) : []
  const maySetAll = permissions['/']?.['Sys.Modify'] !== undefined
  const tagAccess = mayAudit && !maySetAll ? tagAccessOf(await pve.datacenterOptions()) : undefined
  return {
    version,
    majorVersion,
    quorate: status?.quorate,
    firewallEnabled: firewall?.enabled,
    ...(tagAccess && { tagAccess }),
    grantedBridges: new Set(Object.keys(permissions).flatMap((path) => /^\/sdn\/zones\/[^/]+\/([^/]+)/.exec(path)?.[1] ?? [])),
    missingPrivileges: missing.filter(({ capability }) => capability === undefined),
    missingOptional: missing.filter(({ capability }) => capability !== undefined),
  }
}
