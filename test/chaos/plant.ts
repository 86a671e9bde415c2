// `make chaos-planted`: plants each bug in a copy of the sources, plays rounds there, and says which invariant named it.
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PlantedBug, plantedBugs } from './planted-bugs.ts'

const root = join(import.meta.dirname, '../..')
/** ONLY: a kind (`A`), or numbers in the list (`3,7`). */
const { ONLY, STORY, MINUTES = '3' } = process.env
const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** The sources as they are, with the bug; the packages are shared. */
function planted(bug: PlantedBug): string {
  const dir = mkdtempSync(join(tmpdir(), 'pve-operator-planted-'))
  const kept = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'src', 'test', 'crds', 'package.json'], {
    cwd: root,
    encoding: 'utf8',
  })
  for (const path of kept.split('\n').filter(Boolean)) cpSync(join(root, path), join(dir, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  for (const { file, from, to } of [bug, ...(bug.also ?? [])]) {
    const text = readFileSync(join(dir, file), 'utf8')
    if (text.split(from).length !== 2) throw new Error(`${file} does not have this exactly once: ${from}`)
    writeFileSync(
      join(dir, file),
      text.replace(from, () => to),
    )
  }
  return dir
}

/** What the rounds in the copy said was broken. */
async function brokenIn(dir: string, expected: readonly string[]): Promise<string[]> {
  const env = { ...process.env, MINUTES, UNTIL_BROKEN: expected.join(',') }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(dir, 'test/chaos/run.ts')], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (part: Buffer) => (out += part.toString()))
  await new Promise((resolve) => child.on('close', resolve))
  const broken = [...new Set([...out.matchAll(/^BROKEN (\w+)/gm)].map(([, name]) => name ?? ''))]
  // What else is broken is to be explained, too.
  if (STORY !== undefined || broken.some((name) => !expected.includes(name))) print(out)
  return broken
}

let missed = 0

/** The sources move on; a bug that no longer fits them is told and counts as missed. */
function tryToPlant(bug: PlantedBug): string | undefined {
  try {
    return planted(bug)
  } catch (fault) {
    missed += 1
    print(`${bug.kind}: ${bug.what}: NOT PLANTED: ${fault instanceof Error ? fault.message : String(fault)}`)
    return undefined
  }
}

const chosen = (ONLY ?? '').split(',').filter(Boolean)
const isChosen = ({ kind }: PlantedBug, index: number): boolean =>
  chosen.length === 0 || chosen.includes(kind) || chosen.includes(String(index + 1))
for (const bug of plantedBugs.filter(isChosen)) {
  const dir = tryToPlant(bug)
  if (dir === undefined) continue
  const startedMs = performance.now()
  const broken = await brokenIn(dir, bug.expected)
  rmSync(dir, { recursive: true, force: true })
  const isNamed = bug.expected.some((name) => broken.includes(name))
  if (!isNamed) missed += 1
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  print(
    `${bug.kind}: ${bug.what}: ${isNamed ? 'found' : 'MISSED'} after ${seconds} s; broken: ${broken.join(', ') || 'nothing'}; expected: ${bug.expected.join(' or ')}`,
  )
}
process.exitCode = missed > 0 ? 1 : 0
