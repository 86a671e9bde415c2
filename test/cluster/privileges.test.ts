import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { type Permissions, permissionsOf } from '../../src/proxmox/answers.ts'
import { missingFrom, neededPrivileges } from '../../src/cluster/privileges.ts'
import { roleCommands } from '../../src/cluster/role.ts'

const granted = (paths: Record<string, string[]>, propagates = true): Permissions =>
  Object.fromEntries(Object.entries(paths).map(([path, names]) => [path, Object.fromEntries(names.map((name) => [name, propagates]))]))
const at = (path: string) => neededPrivileges.filter((needed) => needed.path === path).map(({ privilege }) => privilege)
const everything = granted({
  '/': at('/'),
  '/vms': at('/vms'),
  '/storage': at('/storage'),
  '/nodes': at('/nodes'),
  '/sdn/zones': at('/sdn/zones'),
})
const missing = (permissions: Permissions) => missingFrom(permissions).map(({ path, privilege }) => `${privilege} on ${path}`)

describe('privileges', () => {
  it('are complete with the role, and all missing without it', () => {
    expect(missing(everything)).toEqual([])
    expect(missingFrom({})).toHaveLength(neededPrivileges.length)
  })

  it('are named one by one with their path', () => {
    const { '/vms': vms, ...rest } = everything
    const { 'VM.Backup': _, ...others } = vms ?? {}
    expect(missing({ ...rest, '/vms': others })).toEqual(['VM.Backup on /vms'])
  })

  it('come from above only where they are handed down', () => {
    const all = [...new Set(neededPrivileges.map(({ privilege }) => privilege))]
    expect(missing(granted({ '/': all }))).toEqual([])
    expect(missing(granted({ '/': all }, false))).not.toContain('Sys.Audit on /')
    expect(missing(granted({ '/': all }, false))).toHaveLength(neededPrivileges.length - 1)
  })

  it('may be narrowed to storages, bridges and templates, but not to guests that do not exist yet', () => {
    const narrow = {
      ...everything,
      '/storage': {},
      '/sdn/zones': {},
      ...granted({ '/storage/ceph': at('/storage'), '/sdn/zones/localnetwork/vmbr0': ['SDN.Use'] }),
    }
    expect(missing(narrow)).toEqual([])
    expect(missing({ ...everything, '/vms': {}, ...granted({ '/vms/9000': at('/vms') }) })).not.toContain('VM.Clone on /vms')
    expect(missing({ ...everything, '/vms': {}, ...granted({ '/vms/9000': at('/vms') }) })).toContain('VM.Audit on /vms')
  })

  it('are read from the answer of PVE (recording 01-013)', () => {
    const permissions = permissionsOf({ '/vms/100': { 'VM.Audit': 1, 'Sys.Audit': 0 } })
    expect(permissions).toEqual({ '/vms/100': { 'VM.Audit': true, 'Sys.Audit': false } })
  })

  it('are the same in the role, the check and the documentation', () => {
    const commands = roleCommands()
    const document = readFileSync(new URL('../../docs/pve-permissions.md', import.meta.url), 'utf8')
    for (const { path, privilege, neededFor } of neededPrivileges) {
      expect(document).toContain(`| \`${path}\` | \`${privilege}\` | ${neededFor} |`)
      expect(commands).toContain(privilege)
      expect(commands).toContain(`pveum acl modify ${path} --tokens 'pve-operator@pve!k8s'`)
    }
    expect(document).toContain(commands.split('\n').find((line) => line.startsWith('pveum role add')))
  })
})
