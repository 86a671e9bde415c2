import { expect, it } from '@jest/globals'
import { climbLadder } from '../../../src/engine/apply/climb.ts'
import type { Climb } from '../../../src/engine/climb-pass.ts'
import type { Memory } from '../../../src/engine/memory.ts'
import type { Part, Want } from '../../../src/ladder/machine.ts'
import { provision } from '../../../src/lifecycle.ts'
import { withAsFound } from '../../../src/want/as-found.ts'
import { seeing, settledValues, wanting, wantingDisk, wantingFirewall } from '../../steps/seen-and-want.ts'
import { draftOf, memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

/** A VM that was ready, as PVE shows it; `onNeed` is told of each part that is read of it. */
function climbing(o: {
  want: Want
  ipfilter?: string[]
  memory?: Memory
  intentAt?: string
  onNeed?: (part: Part, passMs: (ms: number) => void) => void
}) {
  const quiet = quietDependencies({ now: '2026-01-01T00:10:00Z' })
  let nowMs = 0
  const ipfilter = [...(o.ipfilter ?? [])]
  const look = {
    at: { node: 'pve1', vmid: 10_000 },
    need: async (part: Part) => o.onNeed?.(part, (ms) => (nowMs += ms)),
    get seen() {
      const { options } = o.want.firewall
      return seeing(settledValues, { firewall: { options, rules: [], ...(o.ipfilter && { ipfilter }) }, power: 'running' })
    },
    firewallWritten: () => undefined,
  }
  const firewall = { removeFromIpset: async (_: string, entry: string) => ipfilter.splice(ipfilter.indexOf(entry), 1) }
  const deps = {
    ...quiet,
    clock: { ...quiet.clock, monotonicMs: () => nowMs },
    book: { surplus: () => [] },
    mayAct: () => undefined,
    log: { info: () => undefined },
  }
  const draft = draftOf(
    aVm({
      status: {
        vmid: 10_000,
        intentAt: o.intentAt ?? '2026-01-01T00:00:01Z',
        firstReadyAt: '2026-01-01T00:00:05Z',
        localStatus: 'ready',
        conditions: [{ type: 'Cloned', status: 'True', reason: 'Succeeded', message: '', lastTransitionTime: '2026-01-01T00:00:05Z' }],
      },
    }),
  )
  const cluster = {
    name: 'fra1',
    spec: {},
    clockSkewMs: 5_000,
    cloneSlots: { release: () => undefined },
    pve: { firewall: () => firewall },
  }
  const climb = {
    deps,
    key: 'customer-7/small',
    draft,
    memory: o.memory ?? memory(),
    cluster,
    ladder: provision,
    isRepair: true,
    look,
    want: () => o.want,
  } as unknown as Climb
  return { climb, draft, told: quiet.told, ipfilter }
}

it('tells what a plan has passed over as left, also when its pause ends during the look', async () => {
  const left = {
    reason: 'StorageOff' as const,
    sentence: 'disk data: PVE refused it',
    terminal: false,
    tries: 1,
    untilMs: 1_000,
  }
  const remembered = memory({
    left: { things: new Map([['set_created_additional_disk disk data', left]]), isCareful: true, generation: 1 },
  })
  const { climb } = climbing({
    want: wanting({ power: 'left-alone', additionalDisks: [wantingDisk()], firewall: wantingFirewall({ options: { enable: '1' } }) }),
    memory: remembered,
    // A slow answer of PVE, after the disk was passed over.
    onNeed: (part, passMs) => part === 'firewall' && passMs(2_000),
  })
  expect(await climbLadder(climb)).toMatchObject({ left: [left] })
})

it('leaves the addresses as they are while PVE refuses their wire, beside what an adopted VM keeps', async () => {
  const left = { reason: 'BridgeNotFound' as const, sentence: 'network card: PVE refused it', terminal: true, tries: 1, untilMs: 1_000 }
  const wanted = wanting({
    power: 'left-alone',
    net: { ...wanting().net, bridge: 'vmbr9' },
    cloudInit: { ...wanting().cloudInit, ipconfig0: 'ip=203.0.113.10/24', nameserver: '192.0.2.53' },
    cpu: { ...wanting().cpu, cores: 8 },
    guestLacksAddresses: true,
    mayStop: true,
  })
  const remembered = memory({ left: { things: new Map([['set_network network card', left]]), isCareful: true, generation: 1 } })
  // A request would fail: there is nobody who takes it.
  const { climb } = climbing({ want: withAsFound(wanted, new Set(['cores'])), memory: remembered })
  expect(await climbLadder(climb)).toMatchObject({ refusals: [], left: [left] })
})

it('tells no drift of an address that leaves the allowed ones because the guest has let go of it', async () => {
  const firewall = wantingFirewall({ options: { enable: '1' }, ipfilter: ['203.0.113.10'] })
  const parted = climbing({
    want: wanting({ power: 'left-alone', firewall, leaving: ['203.0.113.9'] }),
    ipfilter: ['203.0.113.9', '203.0.113.10'],
  })
  expect(await climbLadder(parted.climb)).toMatchObject({ refusals: [], left: [] })
  expect(parted.ipfilter).toEqual(['203.0.113.10'])
  expect([parted.told, parted.draft.status.history ?? []]).toEqual([[], []])

  const foreign = climbing({ want: wanting({ power: 'left-alone', firewall }), ipfilter: ['203.0.113.8', '203.0.113.10'] })
  await climbLadder(foreign.climb)
  expect(foreign.told).toEqual(['Normal DriftRepaired: 203.0.113.8 is not one of the addresses the VM may use (ipset ipfilter-net0)'])
})

it('writes the time of its intent by the clock of PVE, at the latest now, where the receipt of the clone was lost', async () => {
  const cloned = async (intentAt: string) => {
    const firewall = wantingFirewall({ options: { enable: '1' } })
    const { climb, draft } = climbing({ want: wanting({ power: 'left-alone', firewall }), intentAt })
    await climbLadder(climb)
    // The clock of the machine is set back: nothing is reckoned a second time.
    Object.assign(climb.cluster, { clockSkewMs: 3_600_000 })
    await climbLadder(climb)
    return draft.status.clonedAt
  }
  expect(await cloned('2026-01-01T00:00:01Z')).toBe('2026-01-01T00:00:06Z')
  // Written before the clock of the machine was set back by an hour.
  expect(await cloned('2026-01-01T01:00:01Z')).toBe('2026-01-01T00:10:05Z')
})
