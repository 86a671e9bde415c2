import { once } from 'node:events'
import { connect } from 'node:tls'
import { describe, expect, it } from '@jest/globals'
import { greeting } from '../../src/simulator/greeting.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { startDrill } from './drill.ts'

describe('the greeting of the simulator', () => {
  it('names an address, a token and a first call that work', async () => {
    const pve = await startDrill()
    const text = greeting(pve.simulator)
    const [, url] = /^URL +(\S+)$/m.exec(text) ?? []
    const [, token] = /^token +(\S+) {3}\(the secret 'sim' works too\)$/m.exec(text) ?? []
    const [, header, call] = /^try +curl -H '(.+)' (\S+)$/m.exec(text) ?? []
    expect(url).toBe(pve.simulator.url)
    expect(token).toMatch(/^root@pam!sim=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    for (const authorization of [`PVEAPIToken=${token}`, String(header).replace('Authorization: ', '')])
      expect((await fetch(String(call), { headers: { authorization } })).status).toBe(200)
    await pve.stop()
  })

  it('names the fingerprint of its certificate, for the ProxmoxCluster that trusts it', async () => {
    const simulator = await startSimulator()
    const [, told] = /^trust +(\S+) {3}\(spec\.tls\.fingerprints/m.exec(greeting(simulator)) ?? []
    const socket = connect({ port: Number(new URL(simulator.url).port), rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    expect(told).toBe(socket.getPeerCertificate().fingerprint256)
    socket.destroy()
    await simulator.stop()
  })

  it('takes the first token of a scenario', async () => {
    const tokens = [{ tokenid: 'k8s@pve!operator', secret: 'secret' }]
    const pve = await startDrill({ scenario: { users: [{ userid: 'k8s@pve' }], tokens } })
    expect(greeting(pve.simulator)).toContain('token  k8s@pve!operator=secret\n')
    await pve.stop()
  })
})
