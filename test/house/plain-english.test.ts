import { describe, expect, it } from '@jest/globals'
import { breach, keptFiles, readText } from './sources.ts'

/** Phrases of a translated text, each with what to write in its place. docs/glossary.md has the words of the house. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/\banew\b/, 'again'],
  [/\bin vain\b/, 'N failed attempts'],
  [/\bcannot be had\b/, 'cannot be allocated'],
  [/\bown accord\b/, 'without a command'],
  [/\btried again\b/, 'the operator retries'],
  [/\b(?:goes|go) on by (?:itself|themselves)\b/, 'the operator continues'],
  [/(?<!\b[Tt]here )\b(?:is|are) no (?!longer\b|more\b)[a-z]/, '… is not a …'],
  [/\b(?:if \w+ (?:is|are) meant|means it so)\b/, 'say what the person wants'],
  [/\btaken up\b/, 'begun'],
  [/\bbec(?:ame|omes?) of (?:it|that|the)\b/, 'the result'],
  [/\b(?:the|its|their|PVE's) words(?: of PVE)?\b(?= ?(?:of PVE|[.;,|]|$))/, 'the reason, the message, the log'],
  [/\blately\b/, 'recently'],
  [/\bfor ever\b/, 'without end'],
  [/\bstands? still\b/, 'is halted, is paused'],
  [/\b(?:let|lets|letting) go of\b/, 'release'],
  [/\bgone from\b/, 'no longer exists in'],
  [/\blooked (?:at|after)\b/, 'who reads or manages it?'],
  [/\bas a rule\b/, 'usually'],
  [/\bhalf made\b/, 'unfinished'],
  [/\bof no use\b/, 'missing, incomplete'],
  [/\bin its own time\b/, 'say how long it takes'],
  [/\blets? us\b|\bwants us\b/, 'name the operator'],
  [/\b(?:given away|given out|give out)\b/, 'allocated'],
  [/\bnothing is concluded\b/, 'the operator changes nothing'],
  [/\bthere isn't\b|\bdoes not get on\b/, 'say what blocks it'],
]

const strings = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g
/** Rooms whose strings only developers see, or that repeat what PVE itself says. */
const unread = /^src\/(?:simulator|bench|demo|controlplane|local-stack|release)\//

/** What people read in a file: strings of code with a blank in them, the whole text of a page but its code blocks. */
function sentences(path: string): { line: number; text: string }[] {
  const whole = readText(path)
  if (path.endsWith('.md')) {
    let isCode = false
    return whole.split('\n').flatMap((text, at) => {
      if (text.startsWith('```')) isCode = !isCode
      return isCode ? [] : [{ line: at + 1, text }]
    })
  }
  return [...whole.matchAll(strings)].flatMap(({ 0: text, index }) =>
    /^['"`]/.test(text) && text.includes(' ') ? [{ line: whole.slice(0, index).split('\n').length, text }] : [],
  )
}

function translated(paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    sentences(path).flatMap(({ line, text }) =>
      banned.flatMap(([phrase, better]) => {
        const found = phrase.exec(text)
        return found ? [breach(path, line, `“${found[0]}” reads as translated; write: ${better}`)] : []
      }),
    ),
  )
}

describe('what people read', () => {
  it('has no phrase of a translated text in a message, a description or a help text', () => {
    expect(translated(keptFiles().filter((path) => path.startsWith('src/') && path.endsWith('.ts') && !unread.test(path)))).toEqual([])
  })

  it('has none in the README and the pages of docs', () => {
    const pages = keptFiles().filter((path) => path === 'README.md' || (/^docs\/.*\.md$/.test(path) && !path.startsWith('docs/adr/')))
    expect(translated(pages)).toEqual([])
  })
})
