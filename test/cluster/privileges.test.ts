import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { type Permissions, permissionsOf } from '../../src/proxmox/answers.ts'
import { type Capability, capabilities, missingFrom, neededPrivileges, privilegesOfMajor } from '../../src/cluster/privileges.ts'
import { roleCommands } from '../../src/cluster/role.ts'

const granted = (paths: Record<string, string[]>, propagates = true): Permissions =>
  Object.fromEntries(Object.entries(paths).map(([path, names]) => [path, Object.fromEntries(names.map((name) => [name, propagates]))]))
const ofNine = privilegesOfMajor(9)
const at = (path: string) => ofNine.filter((needed) => needed.path === path).map(({ privilege }) => privilege)
const everything = granted({
  '/': at('/'),
  '/vms': at('/vms'),
  '/storage': at('/storage'),
  '/nodes': at('/nodes'),
  '/sdn/zones': at('/sdn/zones'),
})
const missing = (permissions: Permissions) => missingFrom(permissions, { major: 9 }).map(({ path, privilege }) => `${privilege} on ${path}`)

describe('privileges', () => {
  it('are complete with the role, and all missing without it', () => {
    expect(missing(everything)).toEqual([])
    expect(missingFrom({}, { major: 9 })).toHaveLength(ofNine.length)
  })

  it('are named one by one with their path', () => {
    const { '/vms': vms, ...rest } = everything
    const { 'VM.Backup': _, ...others } = vms ?? {}
    expect(missing({ ...rest, '/vms': others })).toEqual(['VM.Backup on /vms'])
  })

  it('come from above only where they are handed down', () => {
    const all = [...new Set(ofNine.map(({ privilege }) => privilege))]
    expect(missing(granted({ '/': all }))).toEqual([])
    expect(missing(granted({ '/': all }, false))).not.toContain('Sys.Audit on /')
    expect(missing(granted({ '/': all }, false))).toHaveLength(ofNine.length - 1)
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

  it('are judged on the PVE pool where there is one, but for what is not of guests and storages', () => {
    const pooled = { ...everything, '/vms': {}, '/storage': {}, ...granted({ '/pool/ours': [...at('/vms'), ...at('/storage')] }) }
    expect(missingFrom(pooled, { major: 9, pool: 'ours' })).toEqual([])
    expect(missingFrom(pooled, { major: 9, pool: 'theirs' }).map(({ path, privilege }) => `${privilege} on ${path}`)).toContain(
      'VM.Audit on /pool/theirs',
    )
    expect(missing(pooled)).toContain('VM.Audit on /vms')
  })

  it('are those of the major version', () => {
    const namesOf = (major: number) => privilegesOfMajor(major).map(({ privilege }) => privilege)
    expect([namesOf(8).includes('VM.Monitor'), namesOf(9).includes('VM.Monitor')]).toEqual([true, false])
    expect([namesOf(8), namesOf(9)].map((names) => names.includes('VM.GuestAgent.Audit'))).toEqual([false, true])
  })

  it('are the same in the role, the check and the documentation', () => {
    const all = Object.keys(capabilities) as Capability[]
    const commands = [8 as const, 9 as const].map((pve) => roleCommands({ pve, capabilities: all })).join('\n')
    const document = readFileSync(new URL('../../docs/pve-permissions.md', import.meta.url), 'utf8')
    for (const { path, privilege, neededFor, capability, major } of neededPrivileges) {
      const only = major === undefined ? '' : ` (PVE ${major})`
      expect(document).toContain(
        `| \`${path}\` | \`${privilege}\`${only} | ${neededFor} | ${capability ? `\`${capability}\`` : 'needed'} |`,
      )
      expect(commands).toContain(privilege)
      expect(commands).toContain(`pveum acl modify ${path} --tokens 'pve-operator@pve!k8s'`)
    }
    expect(document).toContain(
      roleCommands({ pve: 9 })
        .split('\n')
        .find((line) => line.startsWith('pveum role add')),
    )
  })

  it('go into a role whose name PVE does not keep for itself', () => {
    const [, role = ''] = /^pveum role add (\S+)/m.exec(roleCommands({ pve: 9 })) ?? []
    expect(role).toMatch(/^(?!pve)[A-Za-z0-9]/i)
  })
})
