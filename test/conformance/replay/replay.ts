import { compareExchange } from './compare.ts'
import { plain, type Json } from './json.ts'
import { ownNames } from './mask.ts'
import { play, type Player } from './play.ts'
import type { Exchange, Recording } from './recording.ts'

export interface Difference {
  recording: string
  id: string
  note: string
  /** `PUT /nodes/pve1/qemu/100/config`. */
  request: string
  params?: Json
  /** False for a race: shown, not counted. */
  counted: boolean
  lines: string[]
}

export interface Report {
  recording: string
  exchanges: number
  differ: number
  differences: Difference[]
  /** Preconditions that could not be made. */
  hooksFailed: string[]
}

/** Plays a recording's scenario against a server that was reset before, and compares each exchange. */
export async function replay(recording: Recording, player: Player): Promise<Report> {
  const report: Report = { recording: recording.name, exchanges: 0, differ: 0, differences: [], hooksFailed: [] }
  const recordedNames: Record<string, Json> = {}
  let index = 0
  for await (const { exchange, names } of play(player, recording.scenario)) {
    const recorded = recording.exchanges[index]
    index += 1
    if (recorded === undefined) break
    Object.assign(recordedNames, recorded.captured)
    if (recorded.hook !== undefined) {
      if (!exchange.done) report.hooksFailed.push(`${recorded.id} ${recorded.hook.map(String).join(' ')}`)
      continue
    }
    report.exchanges += 1
    const lines = compareExchange({ exchange: recorded, own: ownNames(recordedNames) }, { exchange, own: ownNames(names) })
    if (lines.length === 0) continue
    if (!recorded.optional) report.differ += 1
    report.differences.push(differenceOf(recording.name, recorded, lines))
  }
  return report
}

function differenceOf(recording: string, recorded: Exchange, lines: string[]): Difference {
  const { id, note, request } = recorded
  const params = request?.['params']
  return {
    recording,
    id,
    note,
    request: request === undefined ? `await ${recorded.await ?? ''}` : `${plain(request['method'])} ${plain(request['path'])}`,
    ...(params === undefined ? {} : { params }),
    counted: !recorded.optional,
    lines,
  }
}

/** A difference as it is printed. */
export function describe(difference: Difference): string {
  const { recording, id, counted, request, note, lines, params } = difference
  const head = `--- ${recording} ${id}${counted ? '' : ' (race, not counted)'}: ${request}  ${note}`
  const sent = params === undefined ? [] : [`    sent ${JSON.stringify(params).slice(0, 200)}`]
  return [head, ...sent, ...lines.map((line) => `    ${line}`)].join('\n')
}

export function summary({ recording, exchanges, differ }: Report): string {
  return `${recording}: ${exchanges} exchanges, ${exchanges - differ} reproduced, ${differ} differ`
}
