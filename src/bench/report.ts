import type { Counts } from './counts.ts'

export interface Figure {
  what: string
  measured: string
  /** Absent: nobody promised anything. */
  budget?: { text: string; met: boolean }
}

/** What one scenario measured. */
export interface Section {
  /** Stays the same over the years: the section of that name is replaced in the page. */
  name: string
  title: string
  setting: string
  command: string
  figures: readonly Figure[]
  tables: readonly { title: string; counts: Counts }[]
}

export function withinBudget(limit: number, measured: number, text: string): { text: string; met: boolean } {
  return { text, met: measured <= limit }
}

/** For the terminal. */
export function printed(section: Section): string {
  const width = Math.max(...section.figures.map((figure) => figure.what.length))
  const figures = section.figures.map(({ what, measured, budget }) => {
    const verdict = budget ? `${budget.met ? 'ok    ' : 'MISSED'} budget ${budget.text}` : ''
    return `  ${what.padEnd(width)}  ${measured.padStart(12)}  ${verdict}`.trimEnd()
  })
  const tables = section.tables.flatMap(({ title, counts }) => [
    '',
    `  ${title}`,
    ...rows(counts).map(([name, count]) => `  ${String(count).padStart(7)}  ${name}`),
  ])
  return [`\n${section.title}`, `  ${section.setting}`, '', ...figures, ...tables, ''].join('\n')
}

/** For docs/performance.md. */
export function asMarkdown(section: Section): string {
  const figures = section.figures.map(
    ({ what, measured, budget }) => `| ${what} | ${measured} | ${budget?.text ?? ''} | ${verdictOf(budget)} |`,
  )
  const tables = section.tables.flatMap(({ title, counts }) => [
    '',
    `| ${title} | |`,
    '| --- | ---: |',
    ...rows(counts).map(([name, count]) => `| \`${name}\` | ${count} |`),
  ])
  return [
    `## ${section.title}`,
    '',
    `${section.setting} Made by \`${section.command}\`.`,
    '',
    '| what | measured | budget | |',
    '| --- | ---: | --- | --- |',
    ...figures,
    ...tables,
  ].join('\n')
}

const verdictOf = (budget: Figure['budget']): string => (budget ? (budget.met ? 'ok' : '**missed**') : '')

const rows = (counts: Counts): [string, number][] => Object.entries(counts)

/** Puts the section into the page between its marks, or at the end when it is new; the other sections stay as they were measured. */
export function replaced(page: string, section: Section): string {
  const [from, to] = [`<!-- ${section.name} -->`, `<!-- end of ${section.name} -->`]
  const body = `${from}\n${asMarkdown(section)}\n${to}`
  const start = page.indexOf(from)
  const end = page.indexOf(to)
  if (start === -1 || end === -1) return `${page.trimEnd()}\n\n${body}\n`
  return page.slice(0, start) + body + page.slice(end + to.length)
}
