/** PVE 9's privileges by group and level, and the built-in roles made from them (PVE::AccessControl). */
const groups: Record<string, { root: string[]; admin: string[]; user: string[]; audit: string[] }> = {
  VM: {
    root: [],
    admin: [
      'VM.Config.Disk',
      'VM.Config.CPU',
      'VM.Config.Memory',
      'VM.Config.Network',
      'VM.Config.HWType',
      'VM.Config.Options',
      'VM.Allocate',
      'VM.Clone',
      'VM.Migrate',
      'VM.Snapshot',
      'VM.Snapshot.Rollback',
      'VM.Replicate',
      'VM.GuestAgent.Unrestricted',
    ],
    user: [
      'VM.Config.CDROM',
      'VM.Config.Cloudinit',
      'VM.Console',
      'VM.Backup',
      'VM.PowerMgmt',
      'VM.GuestAgent.FileRead',
      'VM.GuestAgent.FileWrite',
      'VM.GuestAgent.FileSystemMgmt',
    ],
    audit: ['VM.Audit', 'VM.GuestAgent.Audit'],
  },
  Sys: {
    root: ['Sys.PowerMgmt', 'Sys.Modify', 'Sys.AccessNetwork'],
    admin: ['Permissions.Modify', 'Sys.Console', 'Sys.Syslog'],
    user: [],
    audit: ['Sys.Audit'],
  },
  Datastore: {
    root: [],
    admin: ['Datastore.Allocate', 'Datastore.AllocateTemplate'],
    user: ['Datastore.AllocateSpace'],
    audit: ['Datastore.Audit'],
  },
  SDN: { root: [], admin: ['SDN.Allocate'], user: ['SDN.Use'], audit: ['SDN.Audit'] },
  User: { root: ['Realm.Allocate'], admin: ['User.Modify', 'Group.Allocate', 'Realm.AllocateUser'], user: [], audit: [] },
  Pool: { root: [], admin: ['Pool.Allocate'], user: [], audit: ['Pool.Audit'] },
  Mapping: { root: [], admin: ['Mapping.Modify'], user: ['Mapping.Use'], audit: ['Mapping.Audit'] },
}

const rootOnly = ['Sys.Incoming'] as const

function collect(): { all: string[]; roles: Record<string, string[]> } {
  const roles: Record<string, string[]> = { Administrator: [], PVEAdmin: [], PVEAuditor: [], NoAccess: [] }
  const all: string[] = [...rootOnly]
  const put = (role: string, privileges: string[]) => {
    roles[role] = [...(roles[role] ?? []), ...privileges]
  }
  for (const [name, g] of Object.entries(groups)) {
    const upper = [...g.admin, ...g.user, ...g.audit]
    all.push(...g.root, ...upper)
    put(
      'PVEAdmin',
      upper.filter((p) => p !== 'Permissions.Modify'),
    )
    put('PVEAuditor', g.audit)
    put(
      `PVE${name}Admin`,
      upper.filter((p) => p !== 'Permissions.Modify'),
    )
    if (g.user.length > 0 && name !== 'SDN' && name !== 'Mapping') put(`PVE${name}User`, [...g.user, ...g.audit])
  }
  roles['PVESDNUser'] = ['SDN.Audit', 'SDN.Use']
  roles['PVEMappingUser'] = ['Mapping.Use']
  roles['PVEMappingAuditor'] = ['Mapping.Audit']
  roles['PVEPoolUser'] = ['Pool.Audit']
  roles['PVETemplateUser'] = ['VM.Clone', 'VM.Audit']
  roles['Administrator'] = [...all]
  return { all, roles }
}

const built = collect()

/** Every privilege there is. */
export const allPrivileges: readonly string[] = built.all.toSorted()

/** The roles PVE brings. */
export const builtInRoles: Readonly<Record<string, readonly string[]>> = built.roles
