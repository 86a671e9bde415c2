import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { DnsProvider } from '../../src/dns/providers/provider.ts'
import { until } from '../support/until.ts'
import { bindAndPowerDns, packagesOrReason, type Servers } from './servers/setup.ts'
import { DnsWorld } from './servers/world.ts'
import { forward, reverse4 } from './servers/zones.ts'

const packages = await packagesOrReason()
const describeReal = packages === undefined ? describe.skip : describe

/** The operator dies at its n-th write to a DNS server: before it, or when it is made and the answer was never read. */
interface Death {
  readonly at: number
  readonly when: 'before' | 'after'
}

/** Providers of an operator that dies once. `died` resolves then, and nothing of it does anything any more. */
function mortal(death: Death): { around: (provider: DnsProvider) => DnsProvider; died: Promise<void>; writes: () => number } {
  const { promise: died, resolve: die } = Promise.withResolvers<void>()
  let writes = 0
  const never = new Promise<never>(() => undefined)
  const around = (provider: DnsProvider): DnsProvider => {
    const apply: DnsProvider['apply'] = async (changes) => {
      writes++
      if (writes < death.at) return provider.apply(changes)
      if (writes === death.at && death.when === 'after') await provider.apply(changes)
      die()
      return never
    }
    return Object.assign(Object.create(provider) as DnsProvider, {
      probe: () => provider.probe(),
      look: (keys: Parameters<DnsProvider['look']>[0]) => provider.look(keys),
      apply,
      close: () => provider.close(),
    })
  }
  return { around, died, writes: () => writes }
}

describeReal('an operator that dies', () => {
  let servers: Servers
  beforeAll(async () => {
    if (packages !== undefined) servers = await bindAndPowerDns(packages)
  })
  afterAll(() => servers?.stop())

  const everything = async (): Promise<string[]> => [
    ...(await servers.bind.dig.transfer(forward)),
    ...(await servers.bind.dig.transfer(reverse4)),
  ]

  async function start(): Promise<DnsWorld> {
    const world = await DnsWorld.start({ releaseSeconds: 30 })
    const secretRef = await world.secret('tsig-secret', servers.bind.secret, 'bind')
    const rfc2136 = {
      server: `127.0.0.1:${servers.bind.port}`,
      tsig: { name: 'pve-operator', algorithm: 'hmac-sha256' as const, secretRef },
    }
    for (const zone of [forward, reverse4]) await world.zone({ zone, rfc2136 })
    return world
  }

  /** From now on the operator is one that dies, and another one follows it at once. */
  async function withDeath(world: DnsWorld, death: Death, life: () => Promise<void>): Promise<number> {
    await world.die()
    const { around, died, writes } = mortal(death)
    await world.run(around)
    const succession = died.then(() => world.abandon())
    await life()
    if (writes() >= death.at) await succession
    return writes()
  }

  const moments: Death[] = [1, 2, 3, 4].flatMap((at) => [
    { at, when: 'before' },
    { at, when: 'after' },
  ])

  it.each(moments)('$when its write number $at leaves nothing undone: birth, rename, end', async (death) => {
    const world = await start()
    const before = await everything()
    const name = `d${death.at}-${death.when}`
    try {
      const vm = await world.vm({ hostname: `${name}.example.test`, addresses: ['192.0.2.60'] })
      await withDeath(world, death, async () => {
        await world.settled(vm)
        await world.status(vm, { hostname: `${name}-new.example.test`, addresses: ['192.0.2.61'] })
        await until('it has moved', async () =>
          (await world.now(vm)).status?.dns?.records.every((note) => note.synced && !note.values.includes('192.0.2.60')),
        )
        await world.settled(vm)
      })
      expect(await servers.bind.dig.values(`${name}-new.example.test`, 'A')).toEqual(['192.0.2.61'])
      expect(await servers.bind.dig.values(`${name}.example.test`, 'A')).toEqual([])
      expect(await servers.bind.dig.values('60.2.0.192.in-addr.arpa', 'PTR')).toEqual([])
      await withDeath(world, { at: death.at > 2 ? 2 : death.at, when: death.when }, () => world.remove(vm))
      expect(await everything()).toEqual(before)
    } finally {
      await world.stop()
    }
  })
})
