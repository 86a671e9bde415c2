/** Draws what a terminal shows as an SVG: a picture that stays sharp, stays small, and can be searched. */

export interface TerminalPicture {
  /** The command lines and what they print, in order. */
  screens: readonly { command: string; output: string }[]
  /** What somebody hears who cannot see the picture. */
  title: string
}

const font = { size: 13, width: 7.83, line: 18 } as const
const margin = 16
const widest = 130
const colours = { paper: '#1e2230', text: '#d8dee9', prompt: '#8fbc8f', command: '#ffffff' } as const

/** The SVG of a terminal as wide as its longest line. */
export function terminalSvg({ screens, title }: TerminalPicture): string {
  const lines = screens.flatMap(({ command, output }, at) => [
    ...(at > 0 ? [''] : []),
    { command },
    ...output.replace(/\s+$/, '').split('\n').flatMap(wrapped),
  ])
  const columns = Math.max(...lines.map((line) => (typeof line === 'string' ? line.length : line.command.length + 2)))
  const width = Math.ceil(columns * font.width + 2 * margin)
  const height = lines.length * font.line + 2 * margin
  const rows = lines.map((line, at) => {
    const y = margin + (at + 0.75) * font.line
    if (typeof line === 'string') return line === '' ? '' : `<text x="${margin}" y="${y}">${inColumns(line)}</text>`
    return `<text x="${margin}" y="${y}"><tspan fill="${colours.prompt}">$\u00a0</tspan><tspan fill="${colours.command}">${inColumns(line.command)}</tspan></text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${colours.paper}"/>`,
    `<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${font.size}" fill="${colours.text}">`,
    ...rows.filter(Boolean),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** At the last blank before the edge, where a terminal would break a word. */
function wrapped(line: string): string[] {
  if (line.length <= widest) return [line]
  const blank = line.lastIndexOf(' ', widest)
  const end = blank === -1 || line.slice(0, blank).trim() === '' ? widest : blank
  return [line.slice(0, end), ...wrapped(line.slice(end).trimStart())]
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** With spaces that no viewer collapses, for columns to stay columns. */
const inColumns = (text: string): string => escaped(text).replaceAll(' ', '\u00a0')
