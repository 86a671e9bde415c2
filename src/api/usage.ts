/** What the status of a ProxmoxVM says of its traffic, and what was measured when somebody asked. */
import * as z from 'zod'
import { atomic, statusText, time } from './fields.ts'

const bytes = (description: string) => z.int().meta({ description, format: 'int64' })

/** As many stretches of time as may wait to be filled. */
export const mostGaps = 16

export const usageStatus = z.object({
  periodStart: time('When the period began, UTC.'),
  periodEnd: time('When the next one begins.').exactOptional(),
  receivedBytes: bytes('Bytes the guest has received in the period, as of measuredAt.'),
  sentBytes: bytes('Bytes the guest has sent in the period, as of measuredAt.'),
  estimatedBytes: bytes(
    'How much of both is an estimate: read from the averages PVE keeps (rrddata), or divided between two periods by time. Absent = nothing.',
  ).exactOptional(),
  countedSince: time('Since when the traffic is counted, where that is later than the period. Absent = since it began.').exactOptional(),
  measuredAt: time(
    'When it was measured, by the clock of PVE. Written once a day, at 80, 90 and 100 % and when a counter begins at 0 again.',
  ),
  limitBytes: bytes('The limit in force. Absent = unlimited.').exactOptional(),
  percent: z.int().exactOptional().describe('How much of the limit is used, rounded down. Absent = unlimited.'),
  exceeded: statusText(
    16,
    'The limit is reached, and what follows: Report, Throttle or Suspend. While it is Suspend, the VM is held off. Absent = it is not reached.',
  ),
  throttledMbit: z.int().exactOptional().describe('The rate that net0 has because the limit is reached, in Mbit/s. Absent = none.'),
  counters: z
    .object({
      receivedBytes: bytes('Counter of PVE for what was received.'),
      sentBytes: bytes('Counter of PVE for what was sent.'),
      uptimeSeconds: z.int().describe('Age of the process of the VM. A younger one has counters of its own.'),
    })
    .exactOptional()
    .describe('What PVE showed at measuredAt; what comes is counted from there.'),
  gaps: z
    .array(z.object({ from: time('Beginning.'), to: time('When it ended.') }))
    .max(mostGaps)
    .exactOptional()
    .meta({
      description:
        'Times of which nobody has seen the counters, such as before a restart of the VM while the operator was down. They are filled from the averages PVE keeps (rrddata), marked as estimated, and leave the list.',
      ...atomic,
    }),
  previous: z
    .object({
      periodStart: time('When it began.'),
      receivedBytes: bytes('Bytes received in it.'),
      sentBytes: bytes('Bytes sent in it.'),
      estimatedBytes: bytes('How much of both is an estimate. Absent = nothing.').exactOptional(),
    })
    .exactOptional()
    .describe('The period before, for the invoice.'),
})
export type UsageStatus = z.infer<typeof usageStatus>
/** The figures for `kubectl pve top`, once somebody has asked for them. */
export const figuresStatus = z.object({
  measuredFor: z.string().max(128).describe('The value of the annotation pve.hosting/measure that these figures answer.'),
  measuredAt: time('When PVE was asked.'),
  minutes: z.int().exactOptional().describe('Over how many minutes the averages are. Absent = PVE keeps none of the VM.'),
  cpuMillicores: z.int().exactOptional().describe('CPU time used, in thousandths of a core, on average.'),
  cpuCores: z.int().exactOptional().describe('Cores the VM has.'),
  memoryBytes: bytes('Memory in use, on average.').exactOptional(),
  maxMemoryBytes: bytes('Memory the VM has.').exactOptional(),
  diskReadBytesPerSecond: bytes('Read from all disks, on average.').exactOptional(),
  diskWriteBytesPerSecond: bytes('Written to all disks, on average.').exactOptional(),
  networkInBytesPerSecond: bytes('Received, on average.').exactOptional(),
  networkOutBytesPerSecond: bytes('Sent, on average.').exactOptional(),
  error: statusText(512, 'Why PVE could not be asked; then there are no figures.'),
})
export type FiguresStatus = z.infer<typeof figuresStatus>
