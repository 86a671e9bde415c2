import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isKept, unexcused } from './promise.ts'
import { readRecording, recordingNames } from './replay/recording.ts'
import { describe, replay, summary, type Report } from './replay/replay.ts'
import { runningAt, startRecorded } from './server.ts'

const usage = `usage: node test/conformance/run.ts [--url http://127.0.0.1:8006] [--speed N] [--report FILE] [name...]
  Replays recordings of a real PVE against the simulator and prints every difference.
  name     recordings to replay, by the beginning of their names (04, 33-firewall); without one all of them
  --url    a simulator that runs already (--no-tls --preset recorded); without it one is started in this process
  --speed  divides the simulator's durations and the waits of the replay (default 4)
  --report writes the differences as JSON`

const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

function selected(wanted: readonly string[]): string[] {
  const names = recordingNames()
  if (wanted.length === 0) return names
  const chosen = names.filter((name) => wanted.some((part) => name.startsWith(part.replace(/^.*\//, '').replace(/\.json$/, ''))))
  if (chosen.length === 0) throw new Error(`no recording begins with ${wanted.join(' or ')}; there are: ${names.join(', ')}`)
  return chosen
}

function verdict(reports: readonly Report[]): boolean {
  const exchanges = reports.reduce((sum, report) => sum + report.exchanges, 0)
  const differ = reports.reduce((sum, report) => sum + report.differ, 0)
  for (const report of reports) {
    if (!isKept(report)) print(`${report.recording}: ${unexcused(report).join(', ')} differ and are not among the exceptions`)
  }
  const percent = exchanges === 0 ? 100 : (100 * (exchanges - differ)) / exchanges
  print(`${exchanges} exchanges, ${exchanges - differ} reproduced, ${differ} differ (${percent.toFixed(2)} %)`)
  return reports.every(isKept)
}

async function main(): Promise<number> {
  const options = { url: { type: 'string' }, speed: { type: 'string' }, report: { type: 'string' }, help: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (values.help) {
    print(usage)
    return 0
  }
  const names = selected(positionals)
  const speed = Number(values.speed ?? (values.url === undefined ? 4 : 1))
  const server = values.url === undefined ? await startRecorded(speed) : runningAt(values.url, speed)
  const reports: Report[] = []
  try {
    for (const name of names) {
      await server.reset()
      const report = await replay(readRecording(name), server.player)
      for (const difference of report.differences) print(describe(difference))
      for (const hook of report.hooksFailed) print(`--- ${name}: precondition not executed: ${hook}`)
      print(summary(report))
      reports.push(report)
    }
  } finally {
    await server.stop()
  }
  if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(reports, null, 1))
  return verdict(reports) ? 0 : 1
}

process.exitCode = await main()
