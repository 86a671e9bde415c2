import { breach, type Source } from './sources.ts'

/** Imports that lead back to where they began. Types count: whoever reads one file has to read the other. */
export function cycles(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const found: string[] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const again = trail.indexOf(path)
    if (again >= 0) found.push(breach(path, 1, `imports itself: ${[...trail.slice(again), path].join(' → ')}`))
    if (again >= 0 || done.has(path)) return
    for (const i of byPath.get(path)?.imports ?? []) if (i.ours) walk(i.of, [...trail, path])
    done.add(path)
  }
  for (const source of sources) walk(source.path, [])
  return found
}
