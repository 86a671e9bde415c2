import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMSpec } from '../../../src/api/proxmoxvm.ts'
import { planAsleep } from '../../../src/engine/apply/asleep.ts'
import type { Climb } from '../../../src/engine/climb-pass.ts'
import { type Plan, planNext } from '../../../src/ladder/plan.ts'
import type { Ladder } from '../../../src/ladder/step.ts'
import { provision, suspend } from '../../../src/lifecycle.ts'
import { seeing, settledValues, wanting } from '../../steps/seen-and-want.ts'
import { draftOf } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const fewerCores = { ...settledValues, cores: '4' }

/** What is done to a guest that PVE has hibernated with other cores than its spec says. */
async function planned(o: { spec?: Partial<ProxmoxVMSpec>; ladder?: Ladder; power?: 'running' | 'stopped' } = {}) {
  const ladder = o.ladder ?? provision
  const look = { need: async () => undefined, seen: seeing(fewerCores, { lock: 'suspended' }), at: { node: 'pve1', vmid: 10_000 } }
  const want = wanting({ fresh: false, power: 'left-alone' })
  const climb = { ladder, look, draft: draftOf(aVm(o.spec && { spec: o.spec })) } as unknown as Climb
  const plan = await planNext(provision, look, want)
  return await planAsleep(climb, want, plan as Exclude<Plan, { is: 'rest' }>)
}

describe('a change of a hibernated VM', () => {
  it('waits for a start, with the command that starts it', async () => {
    expect(await planned()).toMatchObject({
      is: 'stalled',
      reason: 'MustResume',
      message: expect.stringMatching(/^VM 10000 on pve1 is hibernated, .* Start it with: kubectl pve start small -n customer-7$/),
    })
  })

  it('waits for the end of the suspension while there is one, since a start is refused until then', async () => {
    const plan = await planned({ spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    expect(plan).toMatchObject({
      reason: 'MustResume',
      message: expect.stringMatching(/ It starts when its last suspension is removed\.$/),
    })
    expect(plan).not.toMatchObject({ message: expect.stringContaining('kubectl pve start') })
  })

  it('does not hold up a suspension, which is complete without it', async () => {
    expect(await planned({ ladder: suspend })).toMatchObject({ is: 'rest' })
  })
})
