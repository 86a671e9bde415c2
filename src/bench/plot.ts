/** A plot of how figures grow with the fleet, as one SVG without scripts or fonts of its own (pure). */

/** One curve; `points` are its values at the sizes, in that order. */
export interface Curve {
  readonly title: string
  readonly unit: string
  readonly points: readonly number[]
  /** Drawn as a line that must not be crossed. */
  readonly budget?: number
}

const width = 340
const height = 170
const margin = { left: 46, right: 20, top: 36, bottom: 32 }
const columns = 2

/** A small plot for each curve, two in a row. Sizes are on a logarithmic scale, values on a linear one that begins at 0. */
export function plotOf(sizes: readonly number[], curves: readonly Curve[]): string {
  const rows = Math.ceil(curves.length / columns)
  const parts = curves.map((curve, at) => {
    const [x, y] = [(at % columns) * width, Math.floor(at / columns) * height]
    return `<g transform="translate(${x},${y})">${panel(sizes, curve)}</g>`
  })
  const size = `width="${width * columns}" height="${height * rows}" viewBox="0 0 ${width * columns} ${height * rows}"`
  const style = `<style>text{font:11px sans-serif;fill:#555}.t{font-weight:bold}.c{fill:none;stroke:#2563eb;stroke-width:2}.d{fill:#2563eb}.b{stroke:#dc2626;stroke-dasharray:4 3}.a{stroke:#999}</style>`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="figures by number of VMs">${style}<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
}

function panel(sizes: readonly number[], { title, unit, points, budget }: Curve): string {
  const most = Math.max(...points, budget ?? 0, Number.MIN_VALUE) * 1.1
  const x = (size: number): number => round(margin.left + share(size, sizes) * (width - margin.left - margin.right))
  const y = (value: number): number => round(height - margin.bottom - (value / most) * (height - margin.top - margin.bottom))
  const line = points.map((value, at) => `${x(sizes[at] ?? 0)},${y(value)}`).join(' ')
  const dots = points.map((value, at) => {
    const size = sizes[at] ?? 0
    return `<circle class="d" cx="${x(size)}" cy="${y(value)}" r="3"/><text x="${x(size)}" y="${y(value) - 7}" text-anchor="middle">${short(value)}</text><text x="${x(size)}" y="${height - margin.bottom + 15}" text-anchor="middle">${size.toLocaleString('en')}</text>`
  })
  const [left, right, bottom] = [margin.left, width - margin.right, height - margin.bottom]
  const limit =
    budget === undefined
      ? ''
      : `<line class="b" x1="${left}" x2="${right}" y1="${y(budget)}" y2="${y(budget)}"/><text x="${left - 4}" y="${y(budget) + 4}" text-anchor="end">${short(budget)}</text>`
  return `<text class="t" x="${left}" y="14">${escaped(title)}, ${escaped(unit)}</text><line class="a" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/><line class="a" x1="${left}" x2="${left}" y1="${margin.top}" y2="${bottom}"/>${limit}<polyline class="c" points="${line}"/>${dots.join('')}`
}

/** From 0 for the smallest size to 1 for the largest; in the middle when there is only one. */
function share(size: number, sizes: readonly number[]): number {
  const [least, most] = [Math.log(Math.min(...sizes)), Math.log(Math.max(...sizes))]
  return most > least ? (Math.log(size) - least) / (most - least) : 0.5
}

const round = (value: number): number => Math.round(value * 10) / 10
const short = (value: number): string =>
  (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)).replace(/\.0+$/, '')
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
