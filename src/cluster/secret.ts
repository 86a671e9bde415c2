import { inUseFinalizer } from '../api/group.ts'
import { type KubeObject, type Resource, type Secret, secrets } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { Key, KubeClient } from '../kube/client.ts'
import type { ApiToken } from './cluster.ts'
import type { ClusterProblem } from './verdict.ts'

/** Written as PVE prints it, `user@realm!name`; anything else could bring further headers in. */
const tokenIDPattern = /^[^\s:/!=]+@[A-Za-z][\w.-]+![A-Za-z][\w.-]+$/
const tokenSecretPattern = /^[\x21-\x7e]{1,256}$/

export const secretKeyOf = (cluster: ProxmoxCluster): Key => ({
  namespace: cluster.spec.credentialsSecretRef.namespace,
  name: cluster.spec.credentialsSecretRef.name,
})

/** What the Secret says; its values never reach a message. */
export function credentialsOf(secret: Secret | undefined, key: Key): { credentials: ApiToken } | { problem: ClusterProblem } {
  const where = `${key.namespace}/${key.name}`
  if (secret === undefined) return problem(`Secret ${where} does not exist; create it`)
  const tokenID = decoded(secret, 'tokenID')
  const tokenSecret = decoded(secret, 'tokenSecret')
  if (tokenID === undefined) return problem(`Secret ${where} has no key tokenID; add it`)
  if (tokenSecret === undefined) return problem(`Secret ${where} has no key tokenSecret; add it`)
  if (!tokenIDPattern.test(tokenID)) return problem(`tokenID in Secret ${where} is not of the form user@realm!name`)
  if (!tokenSecretPattern.test(tokenSecret))
    return problem(`tokenSecret in Secret ${where} contains characters that are not allowed in a token secret; copy it from PVE again`)
  return { credentials: { tokenID, tokenSecret } }
}

/** Whether the Secret has another token than the one in use, or none that can be used. */
export function isOtherLogin(secret: Secret | undefined, key: Key, inUse: ApiToken): boolean {
  const found = credentialsOf(secret, key)
  return 'problem' in found || !isSameToken(found.credentials, inUse)
}

export const isSameToken = (a: ApiToken, b: ApiToken): boolean => a.tokenID === b.tokenID && a.tokenSecret === b.tokenSecret

const problem = (message: string) => ({ problem: { reason: 'CredentialsNotFound', message } as const })

function decoded(secret: Secret, key: string): string | undefined {
  const value = secret.data?.[key]
  if (value === undefined) return undefined
  const text = Buffer.from(value, 'base64').toString('utf8').trim()
  return text === '' ? undefined : text
}

/**
 * Puts our finalizer on an object, or takes it off. Undefined: nothing to do. A KubeError with reason Conflict means that somebody
 * changed the object meanwhile.
 */
export async function setFinalizer<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: T,
  wanted: boolean,
): Promise<T | undefined> {
  const { finalizers = [], resourceVersion, deletionTimestamp, name, namespace } = object.metadata
  const has = finalizers.includes(inUseFinalizer)
  // The API server takes no new finalizers on an object that is being deleted.
  if (has === wanted || (wanted && deletionTimestamp !== undefined)) return undefined
  const next = wanted ? [...finalizers, inUseFinalizer] : finalizers.filter((each) => each !== inUseFinalizer)
  const key: Key = { name, ...(namespace !== undefined && { namespace }) }
  return await client.mergePatch(resource, key, { metadata: { finalizers: next, resourceVersion } })
}

/** Reads the Secret; there is no watch on Secrets. */
export const readSecret = async (client: KubeClient, key: Key): Promise<Secret | undefined> => await client.get(secrets, key)
