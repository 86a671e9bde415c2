import { describe, expect, it } from '@jest/globals'
import type { Want } from '../../src/ladder/machine.ts'
import type { Values } from '../../src/ladder/config-step.ts'
import { setCloudInit } from '../../src/steps/set-cloudinit.ts'
import { seeing, settledValues, wanting } from './seen-and-want.ts'
import type { ConfigPatch } from '../../src/ladder/guest-writer.ts'

const base = wanting().cloudInit
const nothing: ConfigPatch = { set: {}, remove: [] }
const change = (seen: Values, want: Partial<Want>) => setCloudInit.change({ ...settledValues, ...seen }, wanting(want))

describe('set_cloudinit', () => {
  it.each<[claim: string, seen: Values, want: Partial<Want>, patch: ConfigPatch]>([
    ['sends nothing when all is so', {}, {}, nothing],
    ['sets what is wanted', {}, { cloudInit: { ...base, ciuser: 'admin' } }, { set: { ciuser: 'admin' }, remove: [] }],
    [
      'hands on nothing of a template',
      { ciuser: 'golden', cipassword: '**********', sshkeys: 'ssh-ed25519%20AAAA', nameserver: '8.8.8.8', searchdomain: 'lab' },
      {},
      { set: {}, remove: ['ciuser', 'cipassword', 'sshkeys', 'nameserver', 'searchdomain'] },
    ],
    ['leaves the login of a Windows template, which is the only one it has', { ostype: 'win11', ciuser: 'Administrator' }, {}, nothing],
    [
      'replaces the login of a Windows template, and never hands on its password',
      { ostype: 'win11', ciuser: 'Administrator', cipassword: '**********' },
      { cloudInit: { ...base, ciuser: 'admin' } },
      { set: { ciuser: 'admin' }, remove: ['cipassword'] },
    ],
    [
      'replaces the address of a template',
      { ipconfig0: 'ip=10.0.0.9/8,gw=10.0.0.1' },
      {},
      { set: { ipconfig0: 'ip=dhcp,ip6=auto' }, remove: [] },
    ],
    ['removes its addresses for other NICs', { ipconfig1: 'ip=10.0.0.9/8' }, {}, { set: {}, remove: ['ipconfig1'] }],
    ['leaves those alone that an admin sets later', { ipconfig1: 'ip=10.0.0.9/8' }, { fresh: false }, nothing],
    ['lets no package upgrade delay the first boot', { ciupgrade: '1' }, {}, { set: { ciupgrade: '0' }, remove: [] }],
    [
      'removes a snippet that would replace the user data',
      { cicustom: 'user=local:snippets/u.yml' },
      {},
      { set: {}, remove: ['cicustom'] },
    ],
    [
      'keeps vendor data, which only adds to it',
      { cicustom: 'network=local:snippets/n.yml,vendor=local:snippets/v.yml' },
      {},
      { set: { cicustom: 'vendor=local:snippets/v.yml' }, remove: [] },
    ],
    ['is content with vendor data alone', { cicustom: 'vendor=local:snippets/v.yml' }, {}, nothing],
  ])('%s', (_claim, seen, want, patch) => expect(change(seen, want)).toEqual(patch))
})

describe('the password', () => {
  const cloudInit = { ...base, cipassword: 'correct horse' }
  const sent: ConfigPatch = { set: { cipassword: 'correct horse' }, remove: [] }
  const masked = { cipassword: '**********' }

  it.each<[claim: string, seen: Values, want: Partial<Want>, patch: ConfigPatch]>([
    ['is set where there is none', {}, { cloudInit, passwordVersion: 's/1' }, sent],
    ['is set over that of a template', masked, { cloudInit, passwordVersion: 's/1' }, sent],
    ['is not sent again in the same version', masked, { cloudInit, passwordVersion: 's/1', passwordInForce: 's/1' }, nothing],
    ['is sent in a new version', masked, { cloudInit, passwordVersion: 's/2', passwordInForce: 's/1' }, sent],
    ['is set again when somebody removed it', {}, { cloudInit, passwordVersion: 's/1', passwordInForce: 's/1' }, sent],
    ['goes when it is no longer wanted', masked, { passwordInForce: 's/1' }, { set: {}, remove: ['cipassword'] }],
  ])('%s', (_claim, seen, want, patch) => expect(change(seen, want)).toEqual(patch))

  it('is in no sentence', () => {
    const verdict = setCloudInit.check(seeing(), wanting({ cloudInit, passwordVersion: 's/1' }))

    expect(verdict).toEqual({ is: 'missing', message: 'cipassword unset → (secret)' })
  })
})
