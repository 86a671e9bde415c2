import { afterEach, describe, expect, it } from '@jest/globals'
import { Agent, request } from 'undici'
import { clusterChanged } from '../../src/proxmox/identity.ts'
import { makeAuthority } from '../../src/simulator/tls/certificate.ts'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import { type Simulated, simulated } from './simulated.ts'

const fault = expect.objectContaining({ code: clusterChanged, sent: false })

describe('which PVE answers', () => {
  let sim: Simulated
  let other: Simulator | undefined
  afterEach(async () => {
    await sim.client.close()
    await other?.stop()
    other = undefined
    await sim.simulator.stop().catch(() => undefined)
  })
  const asked = (simulator: Simulator) => simulator.requests.report().byRoute['GET /nodes/{node}/certificates/info'] ?? 0
  const clone = () => sim.pve.clone({ node: 'pve1', vmid: 9000 }, { newid: 4711, name: 'a', description: '', full: false })
  /** Another PVE behind the same address, as after a change of DNS or of a virtual IP. */
  const replace = async () => {
    const port = Number(new URL(sim.simulator.url).port)
    await sim.simulator.stop()
    other = await startSimulator({ port, speed: 20, authDelayMs: 0 })
    return other
  }
  const begin = async () => {
    sim = await simulated({ tls: true, client: { tls: { insecureSkipVerify: true } } })
    const identity = await sim.pve.identity()
    expect(identity).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    return identity
  }

  it('is asked once for an endpoint that stays the same, and not at all while nothing is on record', async () => {
    const identity = await begin()
    for (let again = 0; again < 3; again += 1) await sim.pve.resources()
    expect(asked(sim.simulator)).toBe(1)
    sim.client.identity.expect(identity)
    for (let again = 0; again < 3; again += 1) await sim.pve.resources()
    await clone()
    expect(asked(sim.simulator)).toBe(1)
    expect(sim.client.identity.other).toBeUndefined()
  })

  it('is asked before a write after a connection fault: another PVE gets none', async () => {
    sim = await simulated({ tls: true, client: { tls: { insecureSkipVerify: true } } })
    sim.client.identity.expect(await sim.pve.identity())
    await sim.pve.resources()
    const changes: unknown[] = []
    sim.client.identity.subscribe(() => changes.push(sim.client.identity.other))
    const second = await replace()
    await expect(clone()).rejects.toEqual(fault)
    expect(second.requests.report().byRoute['POST /nodes/{node}/qemu/{vmid}/clone']).toBeUndefined()
    expect(changes).toEqual([sim.client.identity.found])
  })

  it('decides whether an answer is used: of another PVE none is, until a person confirms it', async () => {
    sim = await simulated({ tls: true, client: { tls: { insecureSkipVerify: true } } })
    sim.client.identity.expect(await sim.pve.identity())
    await replace()
    await expect(sim.pve.resources()).rejects.toEqual(fault)
    sim.client.identity.expect(sim.client.identity.found)
    expect(sim.client.identity.other).toBeUndefined()
    expect(await sim.pve.resources()).not.toEqual([])
  })

  it('does not depend on the certificate of the endpoint, which is renewed', async () => {
    sim = await simulated({ tls: true, client: { tls: { insecureSkipVerify: true } } })
    const { identity } = sim.client
    identity.expect(await sim.pve.identity())
    identity.connected(new URL(sim.simulator.url).origin, 'another certificate')
    expect(await sim.pve.resources()).not.toEqual([])
    expect(identity.other).toBeUndefined()
  })

  it('is asked again before a write leaves on a new connection, though no request has failed since', async () => {
    sim = await simulated({ tls: true, client: { tls: { insecureSkipVerify: true } } })
    sim.client.identity.expect(await sim.pve.identity())
    await sim.pve.resources()
    const anyone = new Agent({ connect: { rejectUnauthorized: false }, keepAliveTimeout: 1 })
    const { body } = await request(`${sim.simulator.url}/sim/other-pve`, { method: 'POST', dispatcher: anyone })
    await body.dump()
    await expect(clone()).rejects.toEqual(fault)
    expect(sim.simulator.requests.report().byRoute['POST /nodes/{node}/qemu/{vmid}/clone']).toBeUndefined()
  })

  it('is asked once more for a write when the certificate was renewed, and the write leaves', async () => {
    const { certificate, key } = makeAuthority()
    const tls = { ca: certificate, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
    sim = await simulated({ tls: true, scenario: { tls }, client: { tls: { insecureSkipVerify: true } } })
    const { identity } = sim.client
    identity.expect(await sim.pve.identity())
    await sim.pve.resources()
    const port = Number(new URL(sim.simulator.url).port)
    await sim.simulator.stop()
    other = await startSimulator({ port, speed: 20, authDelayMs: 0, scenario: { tls } })
    expect(other.fingerprint).not.toBe(sim.simulator.fingerprint)
    await clone()
    expect(asked(other)).toBe(1)
  })
})
