/** What a package says of traffic: how much a VM may use in a period, and what happens when it has. */
import * as z from 'zod'
import { limit, rule } from './fields.ts'

/** The ways of `traffic.onExceed`. */
export const exceedWays = ['Report', 'Throttle', 'Suspend'] as const
export type ExceedWay = (typeof exceedWays)[number]

export const packageTraffic = z
  .object({
    limit: z
      .union([z.int(), z.string()])
      .exactOptional()
      .meta({
        description:
          'Bytes the VM may receive and send in a period, both together, such as 20T or 2Ti. 0 or absent = unlimited: the traffic is counted and nothing follows. A change takes effect at once.',
        maxLength: 32,
        'x-kubernetes-int-or-string': true,
        ...rule(
          "type(self) == int ? self == 0 : (isQuantity(self) && (quantity(self).compareTo(quantity('0')) == 0 || " +
            "(quantity(self).compareTo(quantity('1M')) >= 0 && quantity(self).compareTo(quantity('8Pi')) < 0)))",
          'limit: write 0 (unlimited) or a quantity of bytes from 1M to 8Pi, such as 20T',
        ),
      }),
    resetDay: z
      .int()
      .min(1)
      .max(31)
      .exactOptional()
      .describe(
        'Day of the month on which a new period begins, at 00:00 UTC; in a shorter month its last day. Default 1. A change takes effect at once: the period is the one that contains today.',
      ),
    onExceed: z
      .enum(exceedWays)
      .exactOptional()
      .describe(
        'What happens when the limit is reached. Report (default): a condition and an Event. Throttle: net0 gets the rate throttleMbit, live. Suspend: the VM is shut down and starts for nobody. It ends with the period, or with a higher limit.',
      ),
    throttleMbit: limit(
      1_000_000,
      'Speed of net0 in Mbit/s while the limit is exceeded, with onExceed: Throttle, which needs it. A lower network.rateMbit stays.',
    ),
  })
  .describe(
    'Traffic of the VM, counted in status.usage by the counters of its network cards in PVE. Absent = it is not counted. `traffic: {}` counts and limits nothing.',
  )
export type Traffic = z.infer<typeof packageTraffic>
