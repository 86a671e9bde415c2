import { describe, expect, it } from '@jest/globals'
import { lookAnnotation } from '../../../src/api/group.ts'
import { leave, nextPlan } from '../../../src/engine/apply/leaving.ts'
import type { Climb } from '../../../src/engine/climb-pass.ts'
import { provision } from '../../../src/lifecycle.ts'
import { PveError } from '../../../src/proxmox/pve-error.ts'
import { setNetwork } from '../../../src/steps/set-network.ts'
import { wanting } from '../../steps/seen-and-want.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const ready = { vmid: 10_000, firstReadyAt: '2026-01-01T00:00:05Z' }
const thing = { reason: 'PermissionDenied' as const, sentence: 'network card: refused', terminal: true, tries: 1, untilMs: Infinity }
const key = 'set_network network card'

function climbing(look?: string) {
  const mind = memory()
  mind.left.things.set(key, thing)
  mind.left.isCareful = true
  mind.left.generation = 1
  const draft = draftOf(aVm({ status: ready, metadata: { annotations: look === undefined ? {} : { [lookAnnotation]: look } } }))
  const deps = { ...quietDependencies({ now: '2026-01-01T00:10:00Z' }), clock: { now: () => 0, monotonicMs: () => 0 } }
  const need = async () => undefined
  return { deps, key: 'customer-7/small', draft, memory: mind, ladder: [], look: { need, seen: {} } } as unknown as Climb
}

describe('what PVE has refused', () => {
  it('is asked for again as soon as somebody asks for a look, and once for each', async () => {
    const climb = climbing('now')
    const { things } = climb.memory.left
    await nextPlan(climb, wanting())
    expect([...things.keys()]).toEqual([])
    things.set(key, thing)
    await nextPlan(climb, wanting())
    expect([...things.keys()]).toEqual([key])

    const quiet = climbing()
    await nextPlan(quiet, wanting())
    expect([...quiet.memory.left.things.keys()]).toEqual([key])
  })

  it.each([
    [
      'soon where it was not permitted, which costs PVE nothing',
      403,
      'Permission check failed (/sdn/zones/localnetwork/vmbr1, SDN.Use)',
      15_000,
    ],
    ['after minutes where a person must correct it', 400, 'Parameter verification failed.', 290_000],
  ])('is asked for again %s', (_, status, message, pauseMs) => {
    const climb = { ...climbing(), ladder: provision }
    climb.memory.left.things.clear()
    const fault = new PveError({ message, status, sent: true, route: '/nodes/*/qemu/*/config', method: 'PUT' })
    const plan = { is: 'step', step: setNetwork, because: 'net0', refusals: [], of: { name: 'network card', want: wanting() } } as const
    expect(leave(climb, plan, fault)).toBe(true)
    expect(climb.memory.left.things.get(key)?.untilMs).toBe(pauseMs)
  })
})
