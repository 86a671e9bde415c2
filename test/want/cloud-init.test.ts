import { describe, expect, it } from '@jest/globals'
import { wantedCloudInit } from '../../src/want/cloud-init.ts'
import type { GrantedAddress } from '../../src/want/granted-address.ts'

const v4: GrantedAddress = {
  entry: 'main',
  family: 'IPv4',
  address: '203.0.113.10',
  prefixLength: 24,
  gateway: '203.0.113.1',
  nameservers: ['203.0.113.2'],
  searchDomain: 'vps.example.com',
  pool: 'v4',
}
const v6: GrantedAddress = {
  entry: 'main6',
  family: 'IPv6',
  address: '2001:db8::10',
  prefixLength: 64,
  gateway: '2001:db8::1',
  nameservers: ['2001:db8::53', '203.0.113.2'],
  pool: 'v6',
}
const second: GrantedAddress = { ...v4, entry: 'extra', address: '203.0.113.11' }
const isolated = (grant: GrantedAddress): GrantedAddress => {
  const { gateway: _, ...rest } = grant
  return rest
}

describe('the addresses of the guest', () => {
  it.each<[claim: string, grants: GrantedAddress[], ipconfig0: string]>([
    ['are asked for without any', [], 'ip=dhcp,ip6=auto'],
    ['may be IPv4 alone', [v4], 'ip=203.0.113.10/24,gw=203.0.113.1'],
    ['may be IPv6 alone', [v6], 'ip6=2001:db8::10/64,gw6=2001:db8::1'],
    ['may be of both families', [v6, v4], 'ip=203.0.113.10/24,gw=203.0.113.1,ip6=2001:db8::10/64,gw6=2001:db8::1'],
    ['are the first of each family', [v4, second], 'ip=203.0.113.10/24,gw=203.0.113.1'],
    ['reach a gateway outside of their prefix', [{ ...v4, prefixLength: 32, gateway: '172.31.1.1' }], 'ip=203.0.113.10/32,gw=172.31.1.1'],
    ['need no gateway', [isolated(v4), isolated(v6)], 'ip=203.0.113.10/24,ip6=2001:db8::10/64'],
  ])('%s', (_claim, grants, ipconfig0) => expect(wantedCloudInit(undefined, grants, undefined)['ipconfig0']).toBe(ipconfig0))
})

describe('what is not said', () => {
  it('is absent, so that it is removed from the VM', () => {
    expect(wantedCloudInit(undefined, [], undefined)).toEqual({ ipconfig0: 'ip=dhcp,ip6=auto', ciupgrade: '0' })
    expect(wantedCloudInit({ sshAuthorizedKeys: [] }, [], undefined)).toEqual({ ipconfig0: 'ip=dhcp,ip6=auto', ciupgrade: '0' })
  })

  it('comes from the pools', () => {
    expect(wantedCloudInit({}, [v4, v6], undefined)).toMatchObject({
      nameserver: '203.0.113.2 2001:db8::53',
      searchdomain: 'vps.example.com',
    })
  })

  it('yields to what the VM says', () => {
    expect(wantedCloudInit({ nameservers: ['9.9.9.9'], searchDomain: 'a.example' }, [v4], undefined)).toMatchObject({
      nameserver: '9.9.9.9',
      searchdomain: 'a.example',
    })
  })
})

describe('the keys of the login', () => {
  it.each<[key: string, sent: string]>([
    ['ssh-ed25519 AAAA work: laptop', 'ssh-ed25519 AAAA work laptop'],
    ['ssh-ed25519 AAAA home:', 'ssh-ed25519 AAAA home'],
    ['ssh-ed25519 AAAA Jörg@Büro', 'ssh-ed25519 AAAA Jorg@Buro'],
    ['ssh-ed25519 AAAA 山田', 'ssh-ed25519 AAAA ??'],
    ['ssh-ed25519 AAAA host:22 #1', 'ssh-ed25519 AAAA host:22 #1'],
  ])('are plain text in the YAML that PVE writes: %s', (key, sent) => {
    const { sshkeys = '' } = wantedCloudInit({ sshAuthorizedKeys: [key] }, [], undefined)
    expect(decodeURIComponent(sshkeys)).toBe(sent)
  })

  it.each<[keys: string[], sshkeys: string]>([
    [['ssh-ed25519 AAAA+/= a@b'], 'ssh-ed25519%20AAAA%2B%2F%3D%20a%40b'],
    [['ssh-ed25519 A', 'ssh-rsa B '], 'ssh-ed25519%20A%0Assh-rsa%20B'],
    [["ssh-ed25519 A it's (me)! *"], 'ssh-ed25519%20A%20it%27s%20%28me%29%21%20%2A'],
    [['ssh-ed25519 A 100%25'], 'ssh-ed25519%20A%20100%2525'],
  ])('%j are sent as %s', (sshAuthorizedKeys, sshkeys) => {
    const sent = wantedCloudInit({ sshAuthorizedKeys }, [], undefined)['sshkeys'] ?? ''

    expect(sent).toBe(sshkeys)
    expect(sent).not.toMatch(/[+\s]/)
    expect(decodeURIComponent(sent).split('\n')).toEqual(sshAuthorizedKeys.map((key) => key.trim()))
  })

  it('go with user and password', () => {
    expect(wantedCloudInit({ user: 'admin' }, [], { password: 'p', version: 's/1' })).toMatchObject({ ciuser: 'admin', cipassword: 'p' })
  })
})
