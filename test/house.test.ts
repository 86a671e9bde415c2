import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { vmConditions } from '../src/api/condition-words.ts'
import { events } from '../src/api/events.ts'
import { localStatuses, phases } from '../src/api/words.ts'
import { reasons } from '../src/api/reasons.ts'
import { cycles } from './house/cycles.ts'
import { doors } from './house/doors.ts'
import { breach, functionBodies, keptFiles, readSources, readText, roomOf, root, type Source } from './house/sources.ts'

let kept: string[] = []
let sources: Source[] = []
let tests: Source[] = []
const byPath = new Map<string, Source>()

beforeAll(() => {
  kept = keptFiles()
  sources = readSources(kept.filter((path) => path.startsWith('src/') && path.endsWith('.ts') && !path.includes('/binaries/')))
  tests = readSources(kept.filter((path) => path.startsWith('test/') && path.endsWith('.ts')))
  for (const source of [...sources, ...tests]) byPath.set(source.path, source)
})

/** Programs: what make, bin/ or npm start. Everything else must be reached from one of them. */
const programs = [
  'src/main.ts',
  'src/console-page/page.ts',
  'src/crds/write.ts',
  'src/demo/demo.ts',
  'src/demo/pictures.ts',
  'src/bench/bench.ts',
  'src/release/image.ts',
  'src/release/whmcs.ts',
  'src/release/chart.ts',
  'src/release/release-notes.ts',
  'src/release/alert-rules.ts',
  'src/plugin/kubectl-pve.ts',
  'src/plugin/bundle.ts',
  'test/conformance/run.ts',
  'test/chaos/run.ts',
  'test/chaos/plant.ts',
]

/** Rooms that are programs of their own: they spawn processes, read the clock and print. */
const programRooms = ['main', 'console-page', 'demo', 'bench', 'release', 'simulator', 'controlplane', 'local-stack']

/** Packages that are somebody's own. Adapters may use node: as they like; the pure rooms may not. */
const packages: Record<string, readonly string[]> = {
  zod: ['api', 'crds', 'kube', 'proxmox', 'cluster', 'ipam', 'dns', 'console', 'simulator'],
  undici: ['kube', 'proxmox', 'dns', 'controlplane', 'demo', 'bench'],
  'proxmox-api': ['proxmox'],
  socks: ['kube'],
  pino: ['ops'],
  'prom-client': ['ops'],
  commander: ['main', 'plugin'],
  ws: ['proxmox', 'console'],
}

describe('the house', () => {
  it('lets imports point one way only', () => {
    const found = sources.flatMap((source) => {
      const door = doors[source.room]
      if (!door) return []
      const { rooms, types = [], spells = [] } = door
      return source.imports
        .filter((i) => i.ours)
        .flatMap((i) => {
          const room = roomOf(i.of)
          if (rooms.includes(room) || (types.includes(room) && i.typesOnly)) return []
          // Pure files of the adapters (addresses, property strings, failures) know the outside's spelling and do not touch it.
          if ([...types, ...spells].includes(room) && isPure(i.of)) return []
          const may = [
            rooms.join(', '),
            types.length > 0 && `types of ${types.join(', ')}`,
            spells.length > 0 && `pure files of ${spells.join(', ')}`,
          ]
          return [breach(source.path, i.line, `${source.room} imports ${i.of}; it may import ${may.filter(Boolean).join(' and ')}`)]
        })
    })
    expect(found).toEqual([])
  })

  it('keeps the simulator a program of its own', () => {
    const found = [...sources]
      .filter((s) => !['simulator', 'main'].includes(s.room))
      .flatMap((source) =>
        source.imports
          .filter((i) => i.of.startsWith('src/simulator/'))
          .map((i) => breach(source.path, i.line, 'imports the simulator; only main starts it')),
      )
    expect(found).toEqual([])
  })

  it('keeps each package in its room', () => {
    const found = sources.flatMap((source) =>
      source.imports
        .filter((i) => !i.ours && !i.typesOnly)
        .flatMap((i) => {
          const rooms = packages[i.of]
          if (rooms && !rooms.includes(source.room))
            return [breach(source.path, i.line, `imports ${i.of}, which belongs to ${rooms.join(', ')}`)]
          if (i.of === '@kubernetes/client-node' && source.path !== 'src/kube/config.ts')
            return [breach(source.path, i.line, 'imports client-node as a value (0.8 s at start); only src/kube/config.ts does')]
          if (
            i.of.startsWith('node:') &&
            ['ladder', 'want', 'engine', 'steps', 'commands', 'vm-controller'].includes(source.room) &&
            !pureModules.includes(i.of)
          )
            return [breach(source.path, i.line, `imports ${i.of}; ${source.room} touches nothing outside`)]
          return []
        }),
    )
    expect(found).toEqual([])
  })

  it('has no import cycles, types counted', () => {
    expect(cycles(sources)).toEqual([])
  })

  it('reaches every file from a program or a test', () => {
    const reached = new Set<string>()
    const visit = (path: string): void => {
      if (reached.has(path)) return
      reached.add(path)
      for (const i of byPath.get(path)?.imports ?? []) if (i.ours) visit(i.of)
    }
    for (const path of programs) visit(path)
    const dead = sources
      .filter((s) => !reached.has(s.path))
      .map((s) => breach(s.path, 1, 'is reached by no program (make, bin/); remove it or wire it'))
    for (const test of tests) if (test.path.endsWith('.test.ts')) visit(test.path)
    // A script that a test starts as a process of its own is named in it.
    const started = (path: string): boolean =>
      tests.some((t) => t.path.endsWith('.test.ts') && t.lines.some((line) => line.includes(`'${path.split('/').at(-1)}'`)))
    const unused = tests.filter((t) => !reached.has(t.path) && !started(t.path)).map((t) => breach(t.path, 1, 'is imported by no test'))
    expect([...dead, ...unused]).toEqual([])
  })

  it('asks the clock, chance and the environment only at the edge', () => {
    const edge = [
      'src/ops/clock.ts',
      'src/kube/queue.ts',
      'src/kube/watch.ts',
      'src/kube/leader.ts',
      'src/proxmox/tasks.ts',
      'src/proxmox/inventory.ts',
      'src/kube/client.ts',
      'src/kube/login.ts',
      'src/plugin/kubectl-pve.ts',
      'src/plugin/bundle.ts',
    ]
    const banned =
      /\b(?:Date\.now\(|new Date\(\)|performance\.now\(|Math\.random\(|setTimeout\(|setInterval\(|process\.(?:env|exit|on|stdout|argv)\b|console\.)/
    expect(
      matches(
        sources.filter((s) => !programRooms.includes(s.room) && s.room !== 'crds' && !edge.includes(s.path)),
        banned,
        (word) => `${word} belongs to the edge; take a Clock or a function`,
      ),
    ).toEqual([])
  })

  it('judges faults in one place', () => {
    expect(
      matches(
        sources.filter((s) => s.room === 'steps'),
        /\bcatch\b/,
        () => 'a step lets faults fly; vm-controller.ts judges them',
      ),
    ).toEqual([])
  })

  it('keeps files within 300 lines and functions within 60', () => {
    const long = [...sources, ...tests]
      .filter((s) => s.lines.length > 301)
      .map((s) => breach(s.path, 1, `has ${s.lines.length - 1} lines; split it by subject (300)`))
    const bodies = sources.flatMap((s) =>
      functionBodies(s)
        .filter((b) => b.lines > 60)
        .map((b) => breach(s.path, b.line, `the function has ${b.lines} lines; one screen is 60`)),
    )
    expect([...long, ...bodies]).toEqual([])
  })

  it('names files after subjects', () => {
    const grammar = /(?:^|[-/.])(?:utils?|helpers?|types|common|misc|managers?|services?)\.ts$|(?:^|\/)index\.ts$/
    const found = [...sources, ...tests]
      .filter((s) => grammar.test(s.path) || /[A-Z_]/.test(s.path))
      .map((s) => breach(s.path, 1, 'name it in kebab-case after its subject'))
    expect(found).toEqual([])
  })

  it('leaves nothing behind', () => {
    const left =
      /\b(?:TODO|FIXME|XXX|HACK)\b|@ts-(?:ignore|expect-error|nocheck)|(?:eslint|oxlint|biome)-(?:disable|ignore)|\bdebugger\b|\.only\(/
    const found = [...sources, ...tests]
      .filter((s) => !s.path.startsWith('test/house'))
      .flatMap((s) =>
        s.lines.flatMap((line, at) => {
          const word = left.exec(line)?.[0]
          return word ? [breach(s.path, at + 1, `leftover ${word}`)] : []
        }),
      )
    expect([
      ...found,
      ...matches(
        sources,
        /^export default\b|^(?:export )?(?:const )?enum\b|^(?:export )?namespace\b/,
        (word) => `${word} is not used here`,
      ),
    ]).toEqual([])
  })

  it('uses every word it has', () => {
    const words = [...localStatuses, ...phases, ...vmConditions, ...Object.keys(reasons), ...Object.keys(events)]
    const tables = ['src/api/words.ts', 'src/api/reasons.ts', 'src/api/dns-reasons.ts', 'src/api/events.ts']
    const text = sources
      .filter((s) => !['simulator', 'bench', 'demo'].includes(s.room) && !tables.includes(s.path))
      .map((s) => s.lines.join('\n'))
      .join('\n')
    const unsaid = (word: string) => {
      const entry = new RegExp(`^  (${word}:|'${word}')`)
      const path = tables.find((table) => byPath.get(table)?.lines.some((line) => entry.test(line))) ?? 'src/api/condition-words.ts'
      return breach(path, (byPath.get(path)?.lines.findIndex((line) => entry.test(line)) ?? 0) + 1, `${word} is said by nobody`)
    }
    const unused = [...new Set(words)].filter((word) => !new RegExp(`\\b${word}\\b`).test(text)).map(unsaid)
    expect(unused).toEqual([])
  })

  it('knows nothing of the machine it was written on', () => {
    const machine = new RegExp(
      [
        '/work/',
        '/root/',
        '/home/[a-z]',
        String.raw`\.library`,
        '/tmp/brief',
        String.raw`\bpve-facts\b`,
        String.raw`\bts-stack\b`,
        String.raw`\bcrd-facts\b`,
      ].join('|'),
    )
    const text = kept.filter((path) => !/^test\/house|package-lock\.json|go\.sum|recordings\/|\.json$/.test(path))
    const found = text.flatMap((path) =>
      readText(path)
        .split('\n')
        .flatMap((line, at) => {
          const word = machine.exec(line)?.[0]
          return word ? [breach(path, at + 1, `names ${word}`)] : []
        }),
    )
    expect(found).toEqual([])
  })

  it('has no dead links in its pages', () => {
    const pages = kept.filter((path) => path.endsWith('.md'))
    const found = pages.flatMap((path) =>
      readText(path)
        .split('\n')
        .flatMap((line, at) =>
          [...line.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
            .map((link) => link[1] ?? '')
            .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(root, dirname(path), link)))
            .map((link) => breach(path, at + 1, `links to ${link}, which is not there`)),
        ),
    )
    expect(found).toEqual([])
  })
})

const pureModules = ['node:net', 'node:crypto', 'node:util', 'node:assert']

/** Pure: no package but zod, nothing of node: that talks, and only pure files as values. */
function isPure(path: string, under: readonly string[] = []): boolean {
  if (under.includes(path)) return true
  const source = byPath.get(path)
  return (
    source !== undefined &&
    source.imports.every((i) => i.typesOnly || (i.ours ? isPure(i.of, [...under, path]) : i.of === 'zod' || pureModules.includes(i.of)))
  )
}

function matches(among: readonly Source[], pattern: RegExp, sentence: (word: string) => string): string[] {
  return among.flatMap((s) =>
    s.code.flatMap((line, at) => {
      const word = pattern.exec(line)?.[0]
      return word ? [breach(s.path, at + 1, sentence(word))] : []
    }),
  )
}
