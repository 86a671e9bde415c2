import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { Drill, startDrill } from './drill.ts'

/** Facts: section 22 (role names, tokens, tickets), recording 60, PVE::API2::User, Role, Group, ACL, Pool. */
describe("the simulator's users, groups, roles and tokens are PVE's", () => {
  let pve: Drill

  beforeEach(async () => {
    pve = await startDrill({ authDelayMs: 20 })
  })
  afterEach(() => pve.stop())

  const acl = async (): Promise<unknown> => (await pve.api('GET', '/access/acl')).data
  const permissions = async (userid: string): Promise<unknown> => (await pve.api('GET', '/access/permissions', { userid })).data

  it.each([
    ['PVEOperator', 'VM.Audit', { roleid: "cannot use role ID starting with the (case-insensitive) 'PVE' namespace" }],
    ['pveoperator', 'VM.Audit', { roleid: "cannot use role ID starting with the (case-insensitive) 'PVE' namespace" }],
    ['Host', 'VM.Nonsense', { privs: "invalid format - invalid privilege 'VM.Nonsense'\n" }],
    ['Host', 'VM.Monitor', { privs: "invalid format - invalid privilege 'VM.Monitor'\n" }],
    ['Ho st', 'VM.Audit', { roleid: "invalid format - role name 'Ho st' contains invalid characters\n" }],
  ])('role %s with %s is refused', async (roleid, privs, errors) => {
    expect(await pve.api('POST', '/access/roles', { roleid, privs })).toMatchObject({ status: 400, errors })
  })

  it('gives user details back that the schema knows, and only those that are set', async () => {
    const given = {
      userid: 'ann@pve',
      firstname: 'Ann',
      lastname: 'Lee',
      email: 'ann@example.org',
      comment: 'c',
      enable: 0,
      expire: 4102444800,
    }
    expect(await pve.api('POST', '/access/users', given)).toMatchObject({ status: 200 })
    const { userid: _userid, ...rest } = given
    expect((await pve.api('GET', '/access/users/ann@pve')).data).toEqual({ ...rest, groups: [], tokens: null })
    await pve.api('PUT', '/access/users/ann@pve', { comment: '  ', firstname: ' Anna ' })
    expect((await pve.api('GET', '/access/users/ann@pve')).data).toMatchObject({ firstname: 'Anna' })
    expect((await pve.api('GET', '/access/users/ann@pve')).data).not.toHaveProperty('comment')
    expect(await pve.api('POST', '/access/users', { userid: 'b@pve', nickname: 'x' })).toMatchObject({ status: 400 })
    expect(await pve.api('POST', '/access/users', { userid: 'b@pve', password: 'short' })).toMatchObject({
      errors: { password: 'value must be at least 8 characters long' },
    })
  })

  it('refuses a user that does not exist before it looks at anything else', async () => {
    expect(await pve.api('DELETE', '/access/users/nobody@pve')).toMatchObject({ status: 500, reason: "no such user ('nobody@pve')" })
    expect(await pve.api('GET', '/access/users/nobody@pve/token')).toMatchObject({ status: 403, reason: 'Permission check failed' })
  })

  it('answers a new token with what was sent, as text, and without an expiry that was not sent', async () => {
    await pve.api('POST', '/access/users', { userid: 'hop@pve' })
    const { data } = await pve.api('POST', '/access/users/hop@pve/token/k8s', { privsep: 1 })
    expect(data).toMatchObject({ 'full-tokenid': 'hop@pve!k8s', info: { privsep: '1' } })
    expect((data as { info: object }).info).not.toHaveProperty('expire')
  })

  it('takes the entries of a deleted token, role, group and user out of the permission tree', async () => {
    await pve.api('POST', '/access/roles', { roleid: 'Host', privs: 'VM.Audit' })
    await pve.api('POST', '/access/groups', { groupid: 'staff' })
    await pve.api('POST', '/access/users', { userid: 'hop@pve', groups: 'staff' })
    await pve.api('POST', '/access/users/hop@pve/token/k8s')
    await pve.api('POST', '/access/users/hop@pve/token/two')
    const entries = { users: 'hop@pve', tokens: 'hop@pve!k8s,hop@pve!two', groups: 'staff' }
    const before = await acl()
    await pve.api('PUT', '/access/acl', { path: '/vms', roles: 'Host', ...entries })
    await pve.api('PUT', '/access/acl', { path: '/storage', roles: 'PVEDatastoreUser', ...entries })
    const left = async (): Promise<string[]> =>
      ((await acl()) as { path: string; ugid: string }[])
        .filter(({ path }) => path !== '/')
        .map(({ path, ugid }) => `${path} ${ugid}`)
        .toSorted()
    await pve.api('DELETE', '/access/users/hop@pve/token/k8s')
    expect(await left()).not.toContain('/vms hop@pve!k8s')
    await pve.api('DELETE', '/access/roles/Host')
    expect(await left()).toEqual(['/storage hop@pve', '/storage hop@pve!two', '/storage staff'])
    await pve.api('DELETE', '/access/groups/staff')
    expect(await left()).toEqual(['/storage hop@pve', '/storage hop@pve!two'])
    await pve.api('DELETE', '/access/users/hop@pve')
    expect(await acl()).toEqual(before)
  })

  it('gives a group its members and its members its rights', async () => {
    await pve.api('POST', '/access/groups', { groupid: 'staff', comment: 'all of us' })
    await pve.api('POST', '/access/users', { userid: 'hop@pve', groups: 'staff' })
    await pve.api('PUT', '/access/acl', { path: '/vms', roles: 'PVEVMUser', groups: 'staff' })
    expect((await pve.api('GET', '/access/groups/staff')).data).toEqual({ members: ['hop@pve'], comment: 'all of us' })
    expect(await permissions('hop@pve')).toMatchObject({ '/vms': { 'VM.PowerMgmt': 1 } })
    await pve.api('PUT', '/access/users/hop@pve', { groups: '' })
    expect(await permissions('hop@pve')).toEqual({})
    expect(await pve.api('POST', '/access/users', { userid: 'x@pve', groups: 'none' })).toMatchObject({
      reason: "create user failed: no such group 'none'",
    })
  })

  it('tells the realms to everybody, with a wrong token too', async () => {
    const stranger = new Drill(pve.simulator, 'nobody@pve!x=y')
    expect((await stranger.api('GET', '/access/domains')).data).toMatchObject([{ realm: 'pam' }, { realm: 'pve' }])
  })

  it('lets a pool-scoped token see the guests and storages of its pool, without handing the rights on', async () => {
    await pve.api('POST', '/pools', { poolid: 'shop' })
    await pve.api('PUT', '/pools', { poolid: 'shop', vms: '9000', storage: 'local-lvm' })
    await pve.api('POST', '/access/users', { userid: 'hop@pve' })
    await pve.api('POST', '/access/users/hop@pve/token/k8s', { privsep: 0 })
    await pve.api('PUT', '/access/acl', { path: '/pool/shop', roles: 'PVEVMAdmin,PVEDatastoreUser', users: 'hop@pve' })
    expect(await permissions('hop@pve!k8s')).toMatchObject({
      '/vms/9000': { 'VM.Clone': 0 },
      '/storage/local-lvm': { 'Datastore.AllocateSpace': 0 },
    })
    await pve.api('PUT', '/access/acl', { path: '/pool/shop', roles: 'NoAccess', users: 'hop@pve' })
    expect(await permissions('hop@pve!k8s')).toEqual({})
  })

  it('takes the entries of a deleted pool along, and keeps a pool that has pools', async () => {
    for (const poolid of ['shop', 'shop/eu']) await pve.api('POST', '/pools', { poolid })
    await pve.api('PUT', '/access/acl', { path: '/pool/shop/eu', roles: 'PVEVMUser', users: 'root@pam' })
    expect(await pve.api('DELETE', '/pools', { poolid: 'shop' })).toMatchObject({
      reason: "delete pool failed: pool 'shop' is not empty (contains pool 'shop/eu')",
    })
    await pve.api('DELETE', '/pools', { poolid: 'shop/eu' })
    expect(JSON.stringify(await acl())).not.toContain('/pool')
    expect(await pve.api('POST', '/pools', { poolid: 'none/eu' })).toMatchObject({
      reason: "create pool failed: parent 'none' of pool 'none/eu' does not exist",
    })
  })

  it('takes a ticket from the Authorization header as well as from the cookie', async () => {
    await pve.api('POST', '/access/users', { userid: 'hop@pve', password: 'correct horse' })
    const url = `${pve.simulator.url}/api2/json`
    const login = await fetch(`${url}/access/ticket`, {
      method: 'POST',
      body: new URLSearchParams({ username: 'hop@pve', password: 'correct horse' }),
    })
    const { data } = (await login.json()) as { data: { ticket: string; CSRFPreventionToken: string } }
    const header = { Authorization: `PVEAuthCookie=${encodeURIComponent(data.ticket)}` }
    expect((await fetch(`${url}/version`, { headers: header })).status).toBe(200)
    const write = { method: 'PUT', body: new URLSearchParams({ comment: 'x' }) }
    expect((await fetch(`${url}/access/users/hop@pve`, { ...write, headers: header })).statusText).toBe(
      'Permission denied - invalid csrf token',
    )
    const signed = { ...header, CSRFPreventionToken: data.CSRFPreventionToken }
    expect((await fetch(`${url}/access/users/hop@pve`, { ...write, headers: signed })).status).toBe(403)
  })
})
