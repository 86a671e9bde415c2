import { describe, expect, it } from '@jest/globals'
import type { Secret } from '../../../src/api/meta.ts'
import { credentialsFor, newPassword } from '../../../src/engine/create/credentials.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { aVm } from '../vms.ts'

const vm = aVm({ spec: { cloudInit: { passwordSecretRef: { name: 'root', key: 'word' } } } })
const secret = (word: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'root', uid: 'uid-s', resourceVersion: '7' },
  data: { word: Buffer.from(word).toString('base64') },
})
/** The one request that is made here. */
const holding = (word: string) => ({ get: async () => secret(word) }) as unknown as KubeClient

describe('a password in a Secret', () => {
  it.each([['s3cret\n'], ['s3cret\r\n'], ['s3cret']])('is sent without the line break at its end: %j', async (word) => {
    expect(await credentialsFor(vm, holding(word))).toEqual({ password: 's3cret', version: 'uid-s/7' })
  })

  it('keeps the spaces it has', async () => {
    expect(await credentialsFor(vm, holding(' a b '))).toMatchObject({ password: ' a b ' })
  })

  it.each([['one\ntwo\n'], ['tab\there']])('is refused with a control character inside: %j', async (word) => {
    expect(await credentialsFor(vm, holding(word))).toMatchObject({ is: 'stalled', reason: 'PasswordInvalid' })
  })

  it('is missing when there is nothing but a line break', async () => {
    expect(await credentialsFor(vm, holding('\n'))).toMatchObject({ is: 'stalled', reason: 'SecretNotFound' })
  })
})

describe('a generated password', () => {
  it('is drawn again while it lacks a digit, a capital or a small letter', () => {
    // 20 letters `a`, then letters in turn through the whole alphabet.
    let draws = 0
    const drawn = newPassword((below) => (draws++ < 20 ? 0 : (draws * 7) % below))

    expect(draws).toBeGreaterThan(20)
    expect(drawn).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z2-9]{20}$/)
  })

  it('always has all three', () => {
    for (let n = 0; n < 2000; n++) expect(newPassword()).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z2-9]{20}$/)
  })
})
