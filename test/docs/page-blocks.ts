/**
 * The blocks of a page that teaches. A comment above a block says what it is for:
 *   <!-- run -->              its commands are run
 *   <!-- prints -->           what the block before prints: `…` is anything on a line, alone on a line any lines
 *   <!-- settings -->         variables the other blocks use; the reader, and the test, put their own values in
 *   <!-- not run: WHY -->     what nobody can run here
 */
import { readText } from '../house/sources.ts'

export interface PageBlock {
  readonly is: 'run' | 'settings' | 'not run'
  /** Why it is not run. */
  readonly why?: string
  /** Line of the page, from 1. */
  readonly line: number
  readonly text: string
  /** What it prints, as the page says. */
  readonly prints?: string
}

/** Throws when a block of shell commands does not say what it is. */
export function blocksOf(path: string): PageBlock[] {
  const blocks: PageBlock[] = []
  const fence = /^(?:<!-- (?<mark>run|prints|settings|not run)(?:: (?<why>.*))? -->\n)?```(?<language>\w*)\n(?<text>[^]*?)^```$/gm
  const page = readText(path)
  for (const { groups = {}, index } of page.matchAll(fence)) {
    const { mark, why, language, text = '' } = groups
    const line = page.slice(0, index).split('\n').length
    const last = blocks.at(-1)
    if (mark === 'prints' && last) blocks[blocks.length - 1] = { ...last, prints: text }
    else if (mark === 'run' || mark === 'settings' || mark === 'not run') blocks.push({ is: mark, line, text, ...(why && { why }) })
    else if (language === 'sh') throw new Error(`${path}:${line}: a block of commands does not say whether it is run`)
  }
  return blocks
}

/** What a page says is printed, as an expression; spaces count as one, as columns are as wide as what is in them. */
export function printed(text: string): RegExp {
  const lines = text.trimEnd().split('\n')
  const parts = lines.map((line) => {
    if (line.trim() === '…') return String.raw`(?:.*\n)*?`
    const escaped = line
      .trimEnd()
      .split('…')
      .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`).replaceAll(/ +/g, ' *'))
    return `${escaped.join('.*')} *\\n`
  })
  return new RegExp(`^${parts.join('')}$`)
}
