/** Rows of a CSV file as RFC 4180 has them: quoted cells, doubled quotes, line breaks inside quotes (pure). */

export interface CsvRow {
  /** Line in the file, from 1. */
  readonly line: number
  readonly cells: Readonly<Record<string, string>>
}

/** The first row names the columns; names are trimmed and lower case. Throws a sentence with the line at fault. */
export function parseCsv(text: string): CsvRow[] {
  const rows = readRows(text.replace(/^\uFEFF/, ''))
  const [head, ...rest] = rows
  if (!head) throw new Error('line 1: the file is empty; its first line names the columns')
  const names = head.cells.map((name) => name.trim().toLowerCase())
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new Error(`line 1: the column ${twice} appears twice`)
  return rest
    .filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
    .map(({ line, cells }) => {
      if (cells.length > names.length)
        throw new Error(`line ${line}: it has ${cells.length} cells, and the first line names ${names.length} columns`)
      return { line, cells: Object.fromEntries(names.map((name, at) => [name, (cells[at] ?? '').trim()])) }
    })
}

function readRows(text: string): { line: number; cells: string[] }[] {
  const rows: { line: number; cells: string[] }[] = []
  let row = { line: 1, cells: [] as string[] }
  let cell = ''
  let isQuoted = false
  let line = 1
  const endCell = () => {
    row.cells.push(cell)
    cell = ''
  }
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at)
    if (letter === '\n') line++
    if (isQuoted) {
      if (letter !== '"') cell += letter
      else if (text[at + 1] === '"') {
        cell += '"'
        at++
      } else isQuoted = false
    } else if (letter === '"' && cell.trim() === '') {
      cell = ''
      isQuoted = true
    } else if (letter === ',') endCell()
    else if (letter === '\n') {
      endCell()
      rows.push(row)
      row = { line, cells: [] }
    } else if (letter !== '\r') cell += letter
  }
  if (isQuoted) throw new Error(`line ${row.line}: a quoted cell is not closed`)
  if (cell !== '' || row.cells.length > 0) {
    endCell()
    rows.push(row)
  }
  return rows
}
