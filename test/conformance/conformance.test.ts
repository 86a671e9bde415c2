import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { exceptions, isKept, unexcused } from './promise.ts'
import { readRecording, recordingNames } from './replay/recording.ts'
import { describe as describeDifference, replay, summary, type Report } from './replay/replay.ts'
import { startRecorded, type RecordedServer } from './server.ts'

/** Durations and waits are divided by it; what the recordings say about order and text does not depend on them. */
const speed = 4

async function replayOn(server: RecordedServer, name: string): Promise<Report> {
  await server.reset()
  return replay(readRecording(name), server.player)
}

/** A machine under load can lose a race that the recording won: then once more at the pace of the recording, and that counts. */
async function judged(server: RecordedServer, name: string): Promise<Report> {
  const report = await replayOn(server, name)
  if (isKept(report)) return report
  const slow = await startRecorded(1)
  try {
    return await replayOn(slow, name)
  } finally {
    await slow.stop()
  }
}

describe('the simulator answers as a real PVE 9.2.11 did', () => {
  let server: RecordedServer

  beforeAll(async () => {
    server = await startRecorded(speed)
  })

  afterAll(() => server.stop())

  it.each(recordingNames())('in recording %s', async (name) => {
    const report = await judged(server, name)
    const shown = [...report.differences.map(describeDifference), summary(report)].join('\n')
    expect(report.hooksFailed).toEqual([])
    expect({ unexcused: isKept(report) ? [] : unexcused(report), shown }).toEqual({ unexcused: [], shown })
  })

  it('and every exception is named in the documentation', () => {
    const text = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8')
    const missing = Object.values(exceptions).flatMap(({ ids }) => ids.filter((id) => !text.includes(id)))
    expect(missing).toEqual([])
  })
})
