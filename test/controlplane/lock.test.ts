import { access, mkdtemp, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { ensureBinaries } from '../../src/controlplane/binaries.ts'
import { withLock } from '../../src/controlplane/lock.ts'
import { until } from '../support/until.ts'

const freshPath = async (): Promise<string> => join(await mkdtemp(join(tmpdir(), 'pve-operator-lock-')), 'lock')

describe('a lock', () => {
  it('lets one in at a time and is gone afterwards, also after a failure', async () => {
    const path = await freshPath()
    let inside = 0
    let waits = 0
    const enter = async (): Promise<number> => {
      inside += 1
      // The first one stays until both others have found the lock taken, however long that takes them.
      await until('both others wait', () => waits === 2)
      const seen = inside
      inside -= 1
      return seen
    }
    const all = [0, 1, 2].map(() => withLock(path, () => (waits += 1), enter))
    expect(await Promise.all(all)).toEqual([1, 1, 1])
    expect(waits).toBe(2)
    await expect(
      withLock(
        path,
        () => undefined,
        () => Promise.reject(new Error('failed')),
      ),
    ).rejects.toThrow('failed')
    await expect(access(path)).rejects.toThrow('ENOENT')
  })

  it('of a holder that was killed is taken over', async () => {
    const path = await freshPath()
    await writeFile(path, '')
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(path, longAgo, longAgo)
    expect(
      await withLock(
        path,
        () => undefined,
        () => Promise.resolve('in'),
      ),
    ).toBe('in')
  })
})

describe('the binaries', () => {
  it('are looked for where KUBEBUILDER_ASSETS says, and missed by name', async () => {
    const missing = ensureBinaries({ assetsDir: '/nonexistent', log: () => undefined })
    await expect(missing).rejects.toThrow('KUBEBUILDER_ASSETS=/nonexistent: there is no executable /nonexistent/kube-apiserver')
  })
})
