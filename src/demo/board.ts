import { stripVTControlCharacters } from 'node:util'
import { addressesInForce } from '../api/held-addresses.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { keyOf } from '../kube/keys.ts'

/** What one VM shows at this moment, in the columns of the board. */
export interface BoardRow {
  key: string
  ready: boolean
  finished: number
  rungs: number
  localStatus: string
  power: string
  address: string
  place: string
  note: string
}

export function boardRowOf(vm: ProxmoxVM): BoardRow {
  const status = vm.status ?? {}
  const ready = (status.conditions ?? []).find((condition) => condition.type === 'Ready')
  const [finished = 0, rungs = 12] = (status.progress ?? '').split('/').filter(Boolean).map(Number)
  return {
    key: keyOf(vm),
    ready: isReady(vm),
    finished: isReady(vm) ? rungs : finished,
    rungs,
    localStatus: status.localStatus ?? 'new',
    power: status.remoteStatus ?? '',
    address: addressesInForce(status)[0] ?? '',
    place: status.node && status.vmid ? `${status.node}/${status.vmid}` : '',
    note: vm.metadata.deletionTimestamp ? 'being deleted' : noteOf(status.step, ready),
  }
}

/** Ready, and the verdict is on the spec as it is now. */
export function isReady(vm: ProxmoxVM): boolean {
  const status = vm.status ?? {}
  const ready = (status.conditions ?? []).find((condition) => condition.type === 'Ready')
  return ready?.status === 'True' && status.observedGeneration === vm.metadata.generation
}

function noteOf(step: { name: string; lastError?: string } | undefined, ready: { status: string; message: string } | undefined): string {
  if (ready?.status === 'True') return ''
  if (step?.lastError) return `${step.name}: ${step.lastError}`
  return ready?.message ?? ''
}

const green = (text: string): string => `\u001b[32m${text}\u001b[0m`
const dim = (text: string): string => `\u001b[2m${text}\u001b[0m`

/** `━━━━━━━━──── set_network  running  203.0.113.10  pve1/10000` for people; `columns` of the terminal are never exceeded. */
export function drawn(row: BoardRow, columns: number, colour: boolean): string {
  const bar = '━'.repeat(row.finished) + '─'.repeat(Math.max(0, row.rungs - row.finished))
  const name = row.key.padEnd(24)
  const facts = [row.localStatus.padEnd(29), row.power.padEnd(8), row.address.padEnd(15), row.place.padEnd(11), row.note]
  const line = `  ${row.ready ? '✔' : '·'} ${name} ${bar} ${facts.join(' ')}`.trimEnd().slice(0, Math.max(20, columns - 1))
  if (!colour) return line
  return row.ready ? green(line) : line.replace(/─+/, (rest) => dim(rest))
}

/** The same as one line of a log, without what changes every moment. */
function told(row: BoardRow): string {
  const facts = [`${row.finished}/${row.rungs}`, row.localStatus, row.power, row.address, row.place, row.ready ? 'Ready' : row.note]
  return `${row.key.padEnd(24)} ${facts.filter(Boolean).join('  ')}`
}

export interface Screen {
  write(text: string): unknown
  isTTY?: boolean | undefined
  columns?: number | undefined
}

/** Shows rows as they change: redrawn in place on a terminal, one line a change elsewhere. */
export class Board {
  readonly #screen: Screen
  readonly #colour: boolean
  readonly #elapsed: () => string
  #drawnLines = 0
  readonly #toldOf = new Map<string, string>()

  constructor(screen: Screen, o: { colour: boolean; elapsed: () => string }) {
    this.#screen = screen
    this.#colour = o.colour
    this.#elapsed = o.elapsed
  }

  show(rows: readonly BoardRow[]): void {
    if (this.#screen.isTTY) this.#redraw(rows)
    else this.#tell(rows)
  }

  /** What is on the screen stays; the next `show` begins below. */
  leave(): void {
    this.#drawnLines = 0
  }

  #redraw(rows: readonly BoardRow[]): void {
    // A terminal may not know its width and says 0.
    const columns = this.#screen.columns || 120
    const lines = [...rows.map((row) => drawn(row, columns, this.#colour)), `    ${this.#elapsed()}`]
    const up = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : ''
    this.#screen.write(`${up}${lines.map((line) => `\r\u001b[2K${line}\n`).join('')}\u001b[0J`)
    this.#drawnLines = lines.length
  }

  #tell(rows: readonly BoardRow[]): void {
    for (const row of rows) {
      const line = stripVTControlCharacters(told(row))
      if (this.#toldOf.get(row.key) === line) continue
      this.#toldOf.set(row.key, line)
      this.#screen.write(`[${this.#elapsed()}] ${line}\n`)
    }
  }
}
