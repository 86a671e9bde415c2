import { beforeAll, describe, expect, it } from '@jest/globals'
import { breach, exportedNames, keptFiles, readSources, readText, type Source } from './sources.ts'

let sources: Source[] = []

beforeAll(() => {
  const paths = keptFiles().filter((path) => path.startsWith('src/') && path.endsWith('.ts') && !path.startsWith('src/simulator/'))
  sources = readSources(paths)
})

describe('the words of the house', () => {
  it('exports no name twice outside the simulator', () => {
    const firsts = new Map<string, string>()
    const found = sources.flatMap((source) =>
      exportedNames(source).flatMap(({ line, name }) => {
        const first = firsts.get(name)
        firsts.set(name, first ?? `${source.path}:${line}`)
        return first === undefined ? [] : [breach(source.path, line, `exports ${name}, as ${first} does; one word, one meaning`)]
      }),
    )
    expect(found).toEqual([])
  })

  it('calls nothing by a word the glossary has given up', () => {
    const rows = readText('docs/glossary.md')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (?:word|---)/.test(line))
    const givenUp = new Map(
      rows.flatMap((row) => {
        const [word = '', , not = ''] = row.split('|').slice(1)
        return not.split(',').flatMap((each) => (/^\s*[A-Za-z]+\s*$/.test(each) ? [[each.trim().toLowerCase(), word.trim()] as const] : []))
      }),
    )
    const found = sources.flatMap((source) =>
      exportedNames(source)
        .filter(({ name }) => givenUp.has(name.toLowerCase()))
        .map(({ line, name }) => breach(source.path, line, `exports ${name}; the glossary calls this: ${givenUp.get(name.toLowerCase())}`)),
    )
    expect(givenUp.size).toBeGreaterThan(30)
    expect(found).toEqual([])
  })
})
