import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { promisedFor } from './promise.ts'
import { readRecording, recordingNames } from './replay/recording.ts'
import { describe as describeDifference, replay, share, summary, type Report } from './replay/replay.ts'
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
  if (share(report) >= promisedFor(name)) return report
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

  it.each(recordingNames())(
    'in recording %s',
    async (name) => {
      const report = await judged(server, name)
      const shown = [...report.differences.map(describeDifference), summary(report)].join('\n')
      expect(report.hooksFailed).toEqual([])
      expect({ enough: share(report) >= promisedFor(name), shown }).toEqual({ enough: true, shown })
    },
    180_000,
  )
})
