import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { root } from '../house/sources.ts'
/** Bundles are made by 'make-former.ts'. */
import { crdsFile, formerReleases, operatorFile } from './bundles.ts'

describe('the releases an upgrade is tried from', () => {
  it('are there with operator and kinds', () => {
    const releases = formerReleases()
    expect(releases.length).toBeGreaterThan(0)
    for (const { name } of releases) expect([name, existsSync(crdsFile(name))]).toEqual([name, true])
  })

  it('are all that were tagged before this commit: make former TAG=… keeps one', () => {
    const { stdout } = spawnSync('git', ['tag', '--list', 'v*', '--merged', 'HEAD', '--no-contains', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(stdout.split('\n').filter((tag) => tag !== '' && !existsSync(operatorFile(tag)))).toEqual([])
  })
})
