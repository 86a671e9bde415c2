/** A release is a tag with a section of CHANGELOG.md, and with the same version everywhere. */
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { releaseFaults, sectionOf } from '../../src/release/release-check.ts'
import { keptFiles, readText, root } from '../house/sources.ts'

const changelog = `# Changelog

## [Unreleased]

### Added

- Something new.

## [0.2.0] - 2026-11-26

### Fixed

- A fault.

## [0.1.0] - 2026-01-02
`
const chart = (name: string, version: string): string => `apiVersion: v2\nname: ${name}\nversion: ${version}\nappVersion: ${version}\n`
const agreeing = { changelog, version: '0.2.0', charts: [chart('pve-operator', '0.2.0')], kustomization: 'images:\n- newTag: 0.2.0\n' }

describe('a tag', () => {
  it('may be released when everything has its version', () => {
    expect(releaseFaults('v0.2.0', agreeing)).toEqual([])
  })

  it.each([
    [
      'has no section in the changelog',
      'v0.3.0',
      { version: '0.3.0' },
      'CHANGELOG.md has no section for v0.3.0: write "## [0.3.0] - YYYY-MM-DD"',
    ],
    ['has an empty section', 'v0.1.0', { version: '0.1.0' }, 'CHANGELOG.md has no section for v0.1.0'],
    ['is not the version of the package', 'v0.2.0', { version: '0.2.1' }, 'package.json has version 0.2.1, the tag is v0.2.0.'],
    [
      'is not the version of a chart',
      'v0.2.0',
      { charts: [chart('pve-operator', '0.1.0')] },
      'Chart pve-operator has appVersion 0.1.0, the tag is v0.2.0.',
    ],
    [
      'is not the image of the kustomize base',
      'v0.2.0',
      { kustomization: '- newTag: latest' },
      'deploy/kustomization.yaml has newTag latest, the tag is v0.2.0.',
    ],
    ['is not a version', '0.2.0', {}, 'Tag 0.2.0 is not a version: write v and three numbers, such as v0.2.0.'],
  ] as [string, string, object, string][])('that %s is refused by a sentence', (_, tag, files, sentence) => {
    expect(releaseFaults(tag, { ...agreeing, ...files }).join('\n')).toContain(sentence)
  })

  it('is described by its section and no more', () => {
    expect(sectionOf(changelog, '0.2.0')).toBe('### Fixed\n\n- A fault.')
  })

  it('of this repository has a section in CHANGELOG.md', () => {
    const tags = spawnSync('git', ['tag', '--list', 'v*'], { cwd: root, encoding: 'utf8' }).stdout.split('\n').filter(Boolean)
    const text = readText('CHANGELOG.md')
    expect(tags.filter((tag) => sectionOf(text, tag.slice(1)) === undefined)).toEqual([])
  })
})

describe('the release workflow', () => {
  const workflow = parse(readText('.github/workflows/release.yaml')) as {
    jobs: Record<string, { if: string; steps: { run?: string }[] }>
  }

  it('is off until a maintainer switches it on', () => {
    expect(Object.values(workflow.jobs).map((job) => job.if)).toEqual(["vars.RELEASES == 'on'"])
  })

  it('runs only targets of the Makefile and files that are there', () => {
    const lines = Object.values(workflow.jobs).flatMap((job) => job.steps.flatMap(({ run = '' }) => run.split('\n')))
    const targets = lines.flatMap((line) => /^(?:ARCH=\S+ )?make (?:-s )?([a-z-]+)/.exec(line)?.[1] ?? [])
    const makefile = readText('Makefile')
    expect(targets).toEqual(['packages', 'release-notes', 'docs', 'image', 'chart', 'plugin', 'whmcs'])
    expect(targets.filter((target) => !makefile.includes(`\n${target}: `))).toEqual([])
    expect(keptFiles()).toEqual(expect.arrayContaining(['.ci/run', 'src/controlplane/binaries/go.sum', 'src/release/helm/go.sum']))
  })
})
