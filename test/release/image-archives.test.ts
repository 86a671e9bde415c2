/** What `make image` writes, looked into without docker: both architectures, labels, dates, licences, what is in it, and that it runs. */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Architecture, architectures, factsOf, hostArchitecture } from '../../src/release/architectures.ts'
import { shippedPackages } from '../../src/release/licences.ts'
import { spdxOf } from '../../src/release/sbom.ts'
import { root } from '../house/sources.ts'
import { emulatorFor } from './emulator.ts'

const run = promisify(execFile)
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const program = join(root, 'src/release/image.ts')

interface Descriptor {
  readonly digest: string
  readonly platform?: { readonly architecture: string }
}
interface Layout {
  readonly folder: string
  readonly read: (descriptor: Descriptor) => Record<string, unknown>
}

let directory: string
let told = ''

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pve-image-'))
  const environment = { ...process.env, SOURCE_DATE_EPOCH: '1790000000', ARCH: '' }
  const made = await run(process.execPath, ['--disable-warning=ExperimentalWarning', program, directory], { env: environment })
  told = made.stderr
}, 600_000)
afterAll(() => rm(directory, { recursive: true, force: true }))

async function unpacked(archive: string): Promise<Layout> {
  const folder = join(directory, `${archive}.unpacked`)
  if (!existsSync(folder)) {
    await mkdir(folder)
    await run('tar', ['-xf', join(directory, archive), '-C', folder])
  }
  const read = ({ digest }: Descriptor): Record<string, unknown> =>
    JSON.parse(readFileSync(join(folder, 'blobs/sha256', digest.slice(7)), 'utf8')) as Record<string, unknown>
  return { folder, read }
}

/** The file system of one image, unpacked. */
async function rootOf(architecture: string): Promise<string> {
  const { folder, read } = await unpacked(`pve-operator-image-${architecture}.tar`)
  const { layers } = read(indexOf(folder)[0]!) as { layers: Descriptor[] }
  const files = join(directory, `root-${architecture}`)
  if (!existsSync(files)) {
    await mkdir(files)
    await run('tar', ['-xf', join(folder, 'blobs/sha256', layers[0]!.digest.slice(7)), '-C', files])
  }
  return files
}

const indexOf = (folder: string): Descriptor[] =>
  (JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { manifests: Descriptor[] }).manifests

/** false: this machine could not make it; the first test prints why. */
const isMade = (name: Architecture): boolean => existsSync(join(directory, `pve-operator-image-${name}.tar`))

describe('the image archives', () => {
  it('are there for amd64 and arm64, or the reason is told', () => {
    const missing = architectures.filter((name) => !isMade(name))
    if (missing.length > 0) process.stderr.write(`not tested: ${told}`)
    expect(missing.filter((name) => !told.includes(`left out: ${name}: `))).toEqual([])
    expect(missing).not.toContain(hostArchitecture)
  })

  it('stand behind one index', async () => {
    const { folder, read } = await unpacked('pve-operator-image-all.tar')
    const { manifests } = read(indexOf(folder)[0]!) as { manifests: Descriptor[] }
    expect(manifests.map(({ platform }) => platform?.architecture)).toEqual(architectures.filter(isMade))
  })

  it.each(architectures)('for %s say architecture, version and date', async (architecture) => {
    if (!isMade(architecture)) return
    const { folder, read } = await unpacked(`pve-operator-image-${architecture}.tar`)
    const { config } = read(indexOf(folder)[0]!) as { config: Descriptor }
    expect(read(config)).toMatchObject({
      architecture,
      os: 'linux',
      created: '2026-09-21T14:13:20.000Z',
      config: {
        User: '65532:65532',
        Labels: { 'org.opencontainers.image.version': version, 'org.opencontainers.image.created': '2026-09-21T14:13:20.000Z' },
      },
    })
  })

  it.each(architectures)('for %s carry the licences and the list of what is in them', async (architecture) => {
    if (!isMade(architecture)) return
    const licenses = join(await rootOf(architecture), 'licenses')
    const inside = readFileSync(join(licenses, 'sbom.spdx.json'), 'utf8')
    expect(inside).toBe(readFileSync(join(directory, `pve-operator-${version}-${architecture}.spdx.json`), 'utf8'))
    const document = JSON.parse(inside) as { packages: { name: string; versionInfo: string }[] }
    const named = new Set(document.packages.map((part) => `${part.name} ${part.versionInfo}`))
    expect(shippedPackages(root).filter((part) => !named.has(`${part.name} ${part.version}`))).toEqual([])
    expect(named).toContain(`node ${process.versions.node}`)
    expect(existsSync(join(licenses, 'THIRD-PARTY'))).toBe(true)
  })

  it.each(architectures)(
    'for %s run with nothing but their own files',
    async (architecture) => {
      if (!isMade(architecture)) return
      const files = await rootOf(architecture)
      const isForeign = architecture !== hostArchitecture
      const emulator = isForeign ? emulatorFor(architecture, `the image for ${architecture}`) : undefined
      if (isForeign && !emulator) return
      const { loader, libraries } = factsOf[architecture]
      const before = emulator ? [emulator, '-L', files] : [join(files, loader), '--library-path', join(files, libraries)]
      const [command, ...words] = [...before, join(files, 'usr/local/bin/node'), join(files, 'app/dist/main.mjs'), '--help']
      expect(execFileSync(command, words, { encoding: 'utf8' })).toContain('Usage: pve-operator')
    },
    300_000,
  )
})

describe('the list of what is in an image', () => {
  const part = { name: '@a/b', version: '1.0.0', licence: 'MIT', purl: 'pkg:npm/%40a/b@1.0.0' }
  const about = { name: 'pve-operator', version: '1.2.3', licence: 'GPL-3.0-or-later', madeAt: 1_790_000_000 }

  it('is SPDX 2.3: a document that describes the operator, which contains its parts', () => {
    expect(spdxOf({ ...about, parts: [part] })).toMatchObject({
      spdxVersion: 'SPDX-2.3',
      creationInfo: { created: '2026-09-21T14:13:20Z' },
      packages: [
        { SPDXID: 'SPDXRef-Operator', versionInfo: '1.2.3' },
        { SPDXID: 'SPDXRef-Part-1', name: '@a/b', licenseDeclared: 'MIT' },
      ],
      relationships: [
        { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-Operator' },
        { spdxElementId: 'SPDXRef-Operator', relationshipType: 'CONTAINS', relatedSpdxElement: 'SPDXRef-Part-1' },
      ],
    })
  })

  it('is the same for the same parts in any order, and another for others', () => {
    const other = { ...part, name: 'c', purl: 'pkg:npm/c@1.0.0' }
    expect(spdxOf({ ...about, parts: [part, other] })).toEqual(spdxOf({ ...about, parts: [other, part] }))
    expect(spdxOf({ ...about, parts: [part] })).not.toEqual(spdxOf({ ...about, parts: [other] }))
  })
})
