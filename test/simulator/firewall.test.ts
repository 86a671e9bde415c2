import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startDrill, type Drill } from './drill.ts'

const firewall = '/nodes/pve1/qemu/9000/firewall'

describe('the firewall of a VM', () => {
  let pve: Drill

  beforeAll(async () => {
    pve = await startDrill()
  })
  beforeEach(() => pve.simulator.reset())
  afterAll(() => pve.stop())

  const post = (path: string, params: Record<string, string | number>) => pve.api('POST', firewall + path, params)
  const rules = async (): Promise<Record<string, unknown>[]> =>
    (await pve.api('GET', `${firewall}/rules`)).data as Record<string, unknown>[]

  it('puts a new rule at the top, disabled unless enable is given', async () => {
    for (const comment of ['c', 'b', 'a']) await post('/rules', { type: 'in', action: 'ACCEPT', comment, pos: 2 })
    const list = await rules()
    expect(list.map(({ pos, comment, enable }) => [pos, comment, enable])).toEqual([
      [0, 'a', 0],
      [1, 'b', 0],
      [2, 'c', 0],
    ])
    expect(new Set(list.map(({ digest }) => digest)).size).toBe(1)
  })

  it('shifts positions after a delete and refuses an old digest', async () => {
    for (const comment of ['b', 'a']) await post('/rules', { type: 'in', action: 'ACCEPT', comment })
    const digest = String((await rules())[0]?.['digest'])
    expect((await pve.api('DELETE', `${firewall}/rules/0`, { digest })).status).toBe(200)
    expect(await pve.api('DELETE', `${firewall}/rules/0`, { digest })).toMatchObject({
      status: 500,
      reason: 'detected modified configuration - file changed by other user? Try again.',
    })
    expect((await rules()).map(({ comment }) => comment)).toEqual(['b'])
  })

  it('stores set entries normalised and says so when one is there already', async () => {
    await post('/ipset', { name: 'ipfilter-net0' })
    await post('/ipset/ipfilter-net0', { cidr: '10.0.0.5/32' })
    await post('/ipset/ipfilter-net0', { cidr: '10.0.1.7/24' })
    expect(await post('/ipset/ipfilter-net0', { cidr: '10.0.0.5' })).toMatchObject({
      status: 400,
      errors: { cidr: "address '10.0.0.5' already exists" },
    })
    const { data } = await pve.api('GET', `${firewall}/ipset/ipfilter-net0`)
    expect((data as { cidr: string }[]).map(({ cidr }) => cidr)).toEqual(['10.0.0.5', '10.0.1.0/24'])
    expect((await pve.api('DELETE', `${firewall}/ipset/ipfilter-net0/10.0.1.0/24`)).status).toBe(200)
    expect((await pve.api('DELETE', `${firewall}/ipset/ipfilter-net0/10.9.9.9`)).status).toBe(200)
    expect(await pve.api('DELETE', `${firewall}/ipset/ipfilter-net0`)).toMatchObject({ reason: "IPSet 'ipfilter-net0' is not empty" })
  })

  it('shows a rule whose alias has gone with its error', async () => {
    await post('/aliases', { name: 'db', cidr: '10.0.0.5' })
    await post('/rules', { type: 'in', action: 'ACCEPT', source: 'db' })
    expect((await rules())[0]).toMatchObject({ source: 'db', ipversion: 4 })
    await pve.api('DELETE', `${firewall}/aliases/DB`)
    expect((await rules())[0]).toMatchObject({ errors: { source: "no such alias 'db'" } })
  })

  it('does not ask whether the VM exists', async () => {
    const nowhere = '/nodes/nowhere/qemu/4711/firewall/rules'
    expect((await pve.api('POST', nowhere, { type: 'in', action: 'DROP' })).status).toBe(200)
    expect((await pve.api('GET', nowhere)).data).toHaveLength(1)
  })

  it('goes with the VM: copied by a clone, removed by its deletion', async () => {
    await post('/rules', { type: 'in', action: 'ACCEPT', comment: 'of the template' })
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 200 })).data)
    const rulesOf200 = async () => (await pve.api('GET', '/nodes/pve1/qemu/200/firewall/rules')).data
    expect(await rulesOf200()).toMatchObject([{ comment: 'of the template' }])
    await pve.exitOf((await pve.api('DELETE', '/nodes/pve1/qemu/200')).data)
    expect(await rulesOf200()).toEqual([])
  })

  it('has a datacenter level with groups that rules name', async () => {
    expect((await pve.api('GET', '/cluster/firewall/options')).data).toMatchObject({ enable: 1 })
    await pve.api('POST', '/cluster/firewall/groups', { group: 'web' })
    await pve.api('POST', '/cluster/firewall/groups/web', { type: 'in', action: 'ACCEPT', macro: 'http', enable: 1 })
    expect((await pve.api('GET', '/cluster/firewall/groups/web')).data).toMatchObject([{ macro: 'HTTP', enable: 1 }])
    expect(await pve.api('DELETE', '/cluster/firewall/groups/web')).toMatchObject({ reason: "Security group 'web' is not empty" })
  })
})
