import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { promisedFor } from './promise.ts'
import { readRecording, recordingNames } from './replay/recording.ts'
import { describe as describeDifference, replay, share, summary } from './replay/replay.ts'
import { startRecorded, type RecordedServer } from './server.ts'

/** Durations are divided by it; what the recordings say about order and text does not depend on them. */
const speed = 4

describe('the simulator answers as a real PVE 9.2.11 did', () => {
  let server: RecordedServer

  beforeAll(async () => {
    server = await startRecorded(speed)
  })

  afterAll(() => server.stop())

  it.each(recordingNames())(
    'in recording %s',
    async (name) => {
      await server.reset()
      const report = await replay(readRecording(name), server.player)
      const shown = [...report.differences.map(describeDifference), summary(report)].join('\n')
      expect(report.hooksFailed).toEqual([])
      expect({ enough: share(report) >= promisedFor(name), shown }).toEqual({ enough: true, shown })
    },
    120_000,
  )
})
