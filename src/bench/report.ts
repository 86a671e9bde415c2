/** What a bench measured, for the terminal and for docs/performance.md (pure). */
import type { Counts } from './counts.ts'

export interface Figure {
  what: string
  measured: string
  /** Absent: nobody promised anything. */
  budget?: { text: string; met: boolean }
}

/** One figure at several sizes. */
export interface GridRow {
  what: string
  values: readonly string[]
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
  /** Figures at several sizes, a column each. */
  grid?: { title: string; columns: readonly string[]; rows: readonly GridRow[] }
  tables: readonly { title: string; counts: Counts }[]
}

export function withinBudget(limit: number, measured: number, text: string): { text: string; met: boolean } {
  return { text, met: measured <= limit }
}

/** For the terminal. */
export function printed(section: Section): string {
  const width = Math.max(...[...section.figures, ...(section.grid?.rows ?? [])].map(({ what }) => what.length))
  const figures = section.figures.map(({ what, measured, budget }) => {
    return `  ${what.padEnd(width)}  ${measured.padStart(12)}  ${terminalVerdict(budget)}`.trimEnd()
  })
  const tables = section.tables.flatMap(({ title, counts }) => [
    '',
    `  ${title}`,
    ...rows(counts).map(([name, count]) => `  ${String(count).padStart(7)}  ${name}`),
  ])
  return [`\n${section.title}`, `  ${section.setting}`, '', ...figures, ...printedGrid(section, width), ...tables, ''].join('\n')
}

function printedGrid({ grid }: Section, width: number): string[] {
  if (!grid) return []
  const row = (what: string, values: readonly string[], budget: Figure['budget']): string =>
    `  ${what.padEnd(width)}${values.map((value) => value.padStart(12)).join('')}  ${terminalVerdict(budget)}`.trimEnd()
  return [row(grid.title, grid.columns, undefined), ...grid.rows.map(({ what, values, budget }) => row(what, values, budget))]
}

function gridAsMarkdown({ grid }: Section): string[] {
  if (!grid) return []
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    row([grid.title, ...grid.columns, 'budget', '']),
    row(['---', ...grid.columns.map(() => '---:'), '---', '---']),
    ...grid.rows.map(({ what, values, budget }) => row([what, ...values, budget?.text ?? '', verdictOf(budget)])),
  ]
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
    ...(figures.length > 0 ? ['| what | measured | budget | |', '| --- | ---: | --- | --- |'] : []),
    ...figures,
    ...gridAsMarkdown(section),
    ...tables,
  ].join('\n')
}

const terminalVerdict = (budget: Figure['budget']): string => (budget ? `${budget.met ? 'ok    ' : 'MISSED'} budget ${budget.text}` : '')
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
