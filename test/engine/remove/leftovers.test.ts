import { describe, expect, it } from '@jest/globals'
import { abandonBackupsAnnotation, teardownFinalizer } from '../../../src/api/group.ts'
import { SeenBackupFiles } from '../../../src/cluster/seen-backup-files.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { tearDown } from '../../../src/engine/remove/teardown.ts'
import { PveError } from '../../../src/proxmox/pve-error.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const now = '2026-01-02T00:00:00Z'
const unmarked = { volid: 'local:backup/unmarked', ctime: Date.parse('2026-01-01T12:00:00Z') / 1000, isProtected: false }
const marked = { ...unmarked, volid: 'local:backup/marked', notes: 'pve.hosting/backup uid=b vm=uid-1' }

/** Which files go with an object whose VM is gone, where a guest may have its number again by now; `asked`: how often PVE was asked who has. */
async function deleted(o: { taken?: true; files?: 'none' | 'silent'; annotations?: Record<string, string> }) {
  const files = o.files === 'none' ? [] : [unmarked, marked]
  const gone: string[] = []
  let asked = 0
  const answer = async <T>(what: T): Promise<T> => {
    if (o.files !== 'silent') return what
    throw new PveError({ message: 'no answer', status: 0, sent: false, route: '/', method: 'GET', code: 'ECONNREFUSED' })
  }
  const listing = {
    storages: [{ storage: 'local', node: 'pve1', shared: false, content: ['backup'], available: true }],
    nodes: new Map([['pve1', { node: 'pve1', online: true }]]),
    guests: new Map(o.taken ? [[10_000, { node: 'pve1' }]] : []),
  }
  const cluster = {
    name: 'fra1',
    clockSkewMs: 0,
    facts: () => undefined,
    backupFiles: new SeenBackupFiles(),
    // The listing of before shows nobody under the number.
    inventory: { current: () => ({ ...listing, guests: new Map() }), since: () => answer((asked++, listing)) },
    pve: {
      clusterStatus: async () => ({ quorate: true }),
      backups: () => answer(files.filter(({ volid }) => !gone.includes(volid))),
      deleteBackup: async (...[, , volid]: [string, string, string]) => void gone.push(volid),
    },
  }
  const deps = {
    ...quietDependencies({ now }),
    clusters: { get: () => cluster },
    book: { held: () => [], release: async () => undefined },
    log: { info: () => undefined },
    mayAct: () => undefined,
    commandsOf: () => [],
    backupsOf: () => [],
    client: {
      get: async () => undefined,
      mergePatch: async (_: unknown, __: unknown, patch: { metadata: object }) => aVm({ metadata: patch.metadata }),
    },
  }
  const vm = aVm({
    metadata: { finalizers: [teardownFinalizer], deletionTimestamp: now, ...(o.annotations && { annotations: o.annotations }) },
    status: {
      vmid: 10_000,
      node: 'pve1',
      intentAt: '2026-01-01T00:00:00Z',
      clonedAt: '2026-01-01T00:00:00Z',
      firstReadyAt: '2026-01-01T00:00:00Z',
      terminatedAt: now,
    },
  })
  const draft = Object.assign(draftOf(vm), { adopt: () => undefined })
  const outcome = await tearDown({ deps, key: 'customer-7/small', draft, memory: memory() } as unknown as Pass)
  return { outcome: outcome.is === 'stalled' ? outcome.reason : outcome.is, gone, asked }
}

describe('the backups of a VM that is gone', () => {
  it('go with its object', async () => {
    expect(await deleted({})).toEqual({ outcome: 'done', gone: [unmarked.volid, marked.volid], asked: 1 })
  })

  it('are only those with its mark once another guest has its number', async () => {
    expect(await deleted({ taken: true })).toEqual({ outcome: 'done', gone: [marked.volid], asked: 1 })
  })

  it('cost no request for the list of guests when there are none', async () => {
    expect(await deleted({ files: 'none' })).toEqual({ outcome: 'done', gone: [], asked: 0 })
  })

  it('can be given up while PVE does not answer', async () => {
    expect(await deleted({ files: 'silent' })).toMatchObject({ outcome: 'BackupsUnseen', gone: [] })
    expect(await deleted({ files: 'silent', annotations: { [abandonBackupsAnnotation]: 'true' } })).toMatchObject({ outcome: 'done' })
  })
})
