import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Import {
  line: number
  /** The path from the root for our own files (`src/api/group.ts`), else the package or `node:` name. */
  of: string
  ours: boolean
  typesOnly: boolean
}

export interface Source {
  path: string
  /** `src/kube/queue.ts` → `kube`; `src/main.ts` → `main`. */
  room: string
  lines: readonly string[]
  /** The same lines with the inside of comments, strings and templates blanked. */
  code: readonly string[]
  imports: readonly Import[]
}

/** A breach of the house, as an editor can open it. */
export function breach(path: string, line: number, sentence: string): string {
  return `${path}:${line}: ${sentence}`
}

/** Every file git would keep: tracked, or new and not ignored. */
export function keptFiles(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  return list.split('\n').filter((path) => path !== '' && statSync(join(root, path), { throwIfNoEntry: false })?.isFile())
}

export function roomOf(path: string): string {
  return /^(?:src|test)\/([^/]+?)(?:\.test)?(?:\.ts|\/)/.exec(path)?.[1] ?? path
}

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

export function readSources(paths: readonly string[]): Source[] {
  return paths.map((path) => {
    const text = readText(path)
    return {
      path,
      room: roomOf(path),
      lines: text.split('\n'),
      code: blanked(text).split('\n'),
      imports: importsOf(path, text),
    }
  })
}

const opaque = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g

function blanked(text: string): string {
  return text.replace(opaque, (part) => part.replace(/[^\n]/g, ' '))
}

const statement = /^(?:import|export)\s+(type\s+)?(?:([^'";]*?)\s+from\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

function importsOf(path: string, text: string): Import[] {
  return [...text.matchAll(statement)].map((found) => {
    const [, type, names = '', from, dynamic] = found
    const name = from ?? dynamic ?? ''
    const ours = name.startsWith('.')
    const specifiers = /\{([\s\S]*)\}/
      .exec(names)?.[1]
      ?.split(',')
      .map((s) => s.trim())
      .filter((s) => s !== '')
    return {
      line: text.slice(0, found.index).split('\n').length,
      of: ours ? normalize(join(dirname(path), name)) : name,
      ours,
      typesOnly:
        type !== undefined || (specifiers !== undefined && specifiers.length > 0 && specifiers.every((s) => s.startsWith('type '))),
    }
  })
}

export interface Body {
  line: number
  lines: number
}

/** Function bodies by the indentation the formatter gives them: from the line that opens one to the brace at the same depth. */
export function functionBodies(source: Source): Body[] {
  const bodies: Body[] = []
  source.code.forEach((line, at) => {
    const opens =
      /(?:\bfunction\b.*|=>|\)(?:: [^=]+)?) \{$/.test(line) &&
      !/^\s*(?:\} )?(?:if|for|while|switch|else|catch|do|class|interface|with)\b/.test(line)
    if (!opens) return
    const depth = line.search(/\S/)
    const end = source.code.findIndex((other, later) => later > at && other.search(/\S/) === depth && other.trimStart().startsWith('}'))
    if (end > 0) bodies.push({ line: at + 1, lines: end - at - 1 })
  })
  return bodies
}

/** Names a file declares and exports, in the order of its lines. */
export function exportedNames(source: Source): { line: number; name: string }[] {
  return source.code.flatMap((line, at) => {
    const name = /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type) (\w+)/.exec(line)?.[1]
    return name === undefined ? [] : [{ line: at + 1, name }]
  })
}
