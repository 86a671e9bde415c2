/** The Secret with the URL of a console, owned by its object. */
import { randomBytes } from 'node:crypto'
import { apiVersion } from '../api/group.ts'
import { type Secret, secrets } from '../api/meta.ts'
import type { ProxmoxVMConsole } from '../api/proxmoxvmconsole.ts'
import type { Key, KubeClient } from '../kube/client.ts'
import { keyBytes, linkOf, parseLink } from './key.ts'

/** `<console>-console`. */
export const urlSecretName = (name: string): string => `${name}-console`

const keyOfSecret = ({ metadata }: ProxmoxVMConsole): Key => ({ namespace: metadata.namespace ?? '', name: urlSecretName(metadata.name) })
const isOurs = (secret: Secret, { metadata }: ProxmoxVMConsole): boolean =>
  secret.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) ?? false

/** The key in the Secret of this console, which is made if it is not there. Undefined: a Secret of that name is somebody else's. */
export async function urlKey(client: KubeClient, viewing: ProxmoxVMConsole, base: string): Promise<string | undefined> {
  const at = keyOfSecret(viewing)
  const found = await client.get(secrets, at)
  if (found) return isOurs(found, viewing) ? keyIn(found) : undefined
  const { namespace = '', name, uid = '' } = viewing.metadata
  const key = randomBytes(keyBytes).toString('base64url')
  await client.create(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...at,
      ownerReferences: [{ apiVersion, kind: 'ProxmoxVMConsole', name, uid, controller: true, blockOwnerDeletion: false }],
    },
    type: 'Opaque',
    data: { url: Buffer.from(linkOf(base, { namespace, name, key })).toString('base64') },
  })
  return key
}

function keyIn(secret: Secret): string | undefined {
  const url = Buffer.from(secret.data?.['url'] ?? '', 'base64').toString('utf8')
  return parseLink(url.slice(url.indexOf('#')))?.key
}

/** Deletes it; one that is not ours stays. */
export async function deleteUrlSecret(client: KubeClient, viewing: ProxmoxVMConsole): Promise<void> {
  const at = keyOfSecret(viewing)
  const secret = await client.get(secrets, at)
  if (secret && isOurs(secret, viewing)) await client.delete(secrets, at, { uid: secret.metadata.uid ?? '' })
}
