/** Privileges by group and level, and the built-in roles made from them (PVE::AccessControl $privgroups, create_roles). */
interface Levels {
  root?: string
  admin?: string
  user?: string
  audit?: string
}

/** PVE 9: the guest agent has privileges of its own. */
const guestAgent = {
  admin: 'VM.GuestAgent.Unrestricted VM.Replicate',
  user: 'VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite',
  audit: 'VM.GuestAgent.Audit',
}

function groupsOf(isNine: boolean): Record<string, Levels> {
  return {
    VM: {
      admin:
        'VM.Config.Disk VM.Config.CPU VM.Config.Memory VM.Config.Network VM.Config.HWType VM.Config.Options VM.Allocate VM.Clone VM.Migrate ' +
        `VM.Snapshot VM.Snapshot.Rollback ${isNine ? guestAgent.admin : 'VM.Monitor'}`,
      user: `VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.Backup VM.PowerMgmt ${isNine ? guestAgent.user : ''}`,
      audit: `VM.Audit ${isNine ? guestAgent.audit : ''}`,
    },
    Sys: { root: 'Sys.PowerMgmt Sys.Modify Sys.Incoming Sys.AccessNetwork', admin: 'Sys.Console Sys.Syslog', audit: 'Sys.Audit' },
    Datastore: { admin: 'Datastore.Allocate Datastore.AllocateTemplate', user: 'Datastore.AllocateSpace', audit: 'Datastore.Audit' },
    SDN: { admin: 'SDN.Allocate SDN.Audit', user: 'SDN.Use', audit: 'SDN.Audit' },
    User: { root: 'Realm.Allocate', admin: 'User.Modify Group.Allocate Realm.AllocateUser' },
    Pool: { admin: 'Pool.Allocate', user: 'Pool.Audit', audit: 'Pool.Audit' },
    Mapping: { admin: 'Mapping.Modify', user: 'Mapping.Use', audit: 'Mapping.Audit' },
  }
}

const split = (text = ''): string[] => text.split(' ').filter(Boolean)
const sorted = (list: readonly string[]): string[] => [...new Set(list)].toSorted()

/** Every privilege there is, and the roles PVE brings, by its release (`8.4`, `9.2`). */
export function privilegesOf(release: string): { all: readonly string[]; roles: Readonly<Record<string, readonly string[]>> } {
  const roles: Record<string, string[]> = {}
  const put = (role: string, privileges: string[]): void => {
    roles[role] = sorted([...(roles[role] ?? []), ...privileges])
  }
  const all = ['Permissions.Modify']
  for (const [name, levels] of Object.entries(groupsOf(Number.parseInt(release, 10) >= 9))) {
    const [root, admin, user, audit] = [levels.root, levels.admin, levels.user, levels.audit].map(split) as [
      string[],
      string[],
      string[],
      string[],
    ]
    all.push(...root, ...admin, ...user, ...audit)
    put(`PVE${name}Admin`, [...admin, ...user, ...audit])
    put(
      'PVEAdmin',
      [...admin, ...user, ...audit].filter((privilege) => privilege !== 'Mapping.Modify'),
    )
    if (user.length > 0) put(`PVE${name}User`, [...user, ...audit])
    put('PVEAuditor', audit)
  }
  const every = sorted(all)
  return { all: every, roles: { ...roles, PVETemplateUser: ['VM.Audit', 'VM.Clone'], NoAccess: [], Administrator: every } }
}
