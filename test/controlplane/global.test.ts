import { afterAll, describe, expect, it } from '@jest/globals'
import { namespaces } from '../../src/api/meta.ts'
import { freshNamespace, testClient } from '../support/kube.ts'

describe('the control plane of the run', () => {
  const client = testClient()
  afterAll(() => client.close())

  it('is a real API server that keeps what it is given', async () => {
    const name = await freshNamespace(client)
    expect((await client.get(namespaces, { name }))?.metadata.name).toBe(name)
  })

  it('judges an impersonated user by RBAC', async () => {
    const stranger = testClient({ as: { user: 'mallory', groups: ['strangers'] } })
    await expect(stranger.list(namespaces)).rejects.toMatchObject({ status: 403, reason: 'Forbidden' })
    await stranger.close()
  })
})
