import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Drill, startDrill } from './drill.ts'

/** Facts 15.2, 18 and 1.4: what differs in PVE 8.4, as far as a client branches on it. */
describe('a scenario with version 8.4', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill({ authDelayMs: 10, scenario: { version: '8.4.14', durations: { agentMs: 0 } } })
  })
  afterAll(() => pve.stop())

  it('says so, and shows no figures that PVE 9 brought', async () => {
    expect((await pve.api('GET', '/version')).data).toMatchObject({ version: '8.4.14', release: '8.4' })
    const [row] = (await pve.api('GET', '/cluster/resources', { type: 'vm' })).data as object[]
    expect(row).not.toHaveProperty('memhost')
    expect((await pve.api('GET', '/cluster/resources', { type: 'sdn' })).data).toContainEqual(
      expect.objectContaining({ id: 'sdn/pve1/localnetwork', type: 'sdn', sdn: 'localnetwork' }),
    )
  })

  it('has VM.Monitor and none of the privileges of the guest agent', async () => {
    expect(await pve.api('POST', '/access/roles', { roleid: 'Old', privs: 'VM.Monitor' })).toMatchObject({ status: 200 })
    expect(await pve.api('POST', '/access/roles', { roleid: 'New', privs: 'VM.GuestAgent.Audit' })).toMatchObject({
      errors: { privs: "invalid format - invalid privilege 'VM.GuestAgent.Audit'\n" },
    })
  })

  it('asks VM.Monitor of whoever asks the agent', async () => {
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', { vmid: 100, agent: 1, start: 1 })).data)
    await pve.api('POST', '/access/users', { userid: 'hop@pve' })
    const { data } = await pve.api('POST', '/access/users/hop@pve/token/tok', { privsep: 0 })
    const hop = pve.as(`hop@pve!tok=${(data as { value: string }).value}`)
    const ping = () => hop.api('POST', '/nodes/pve1/qemu/100/agent/ping')
    expect((await ping()).reason).toBe('Permission check failed (/vms/100, VM.Monitor)')
    await pve.api('PUT', '/access/acl', { path: '/vms', users: 'hop@pve', roles: 'PVEVMAdmin' })
    expect((await ping()).data).toEqual({ result: {} })
  })

  it('keeps averages on the coarser grid it had before PVE 9', async () => {
    const stepOf = async (timeframe: string) => {
      const rows = (await pve.api('GET', '/nodes/pve1/qemu/9000/rrddata', { timeframe })).data as { time: number }[]
      return [rows.length, (rows[1]?.time ?? 0) - (rows[0]?.time ?? 0)]
    }
    expect(await stepOf('hour')).toEqual([60, 60])
    expect(await stepOf('day')).toEqual([70, 1800])
    expect(await stepOf('month')).toEqual([70, 43_200])
  })

  it('tells what is wrong with a token', async () => {
    const asked = async (token: string) => (await new Drill(pve.simulator, token).api('GET', '/version')).reason
    expect(await asked('root@pam!sim=wrong')).toBe('invalid token value!')
    expect(await asked('nobody@pve!x=y')).toBe("no such user ('nobody@pve')")
    expect(await asked('root@pam!none=y')).toBe("no such token 'none' for user 'root@pam'")
  })
})
