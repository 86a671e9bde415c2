import { randomInt } from 'node:crypto'
import { apiVersion } from '../../api/group.ts'
import { secrets, type Secret } from '../../api/meta.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Credentials } from '../../want/cloud-init.ts'
import { stalled, type Obstacle } from '../../ladder/outcome.ts'

/** The Secret with a generated password. */
export const credentialsName = (vm: ProxmoxVM) => `${vm.metadata.name}-credentials`

// No characters that a person reading it aloud confuses.
const alphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const passwordLength = 20
/** What the password policy of Windows asks for. */
const needed = [/[a-z]/, /[A-Z]/, /[0-9]/]

/** Drawn again until it has all that is needed, so that each such password is equally likely. @param draw a whole number below its argument */
export function newPassword(draw: (below: number) => number = randomInt): string {
  for (;;) {
    const password = Array.from({ length: passwordLength }, () => alphabet.charAt(draw(alphabet.length))).join('')
    if (needed.every((kind) => kind.test(password))) return password
  }
}

/** The cloud-init password as the spec wants it: from a Secret of the user, generated into one of ours, or none. Never logged, never in status. */
export async function credentialsFor(
  vm: ProxmoxVM,
  client: KubeClient,
  o: { mayMake: boolean } = { mayMake: true },
): Promise<Credentials | undefined | Obstacle> {
  const cloudInit = vm.spec.cloudInit
  if (cloudInit?.passwordSecretRef) return await fromSecret(vm, client, cloudInit.passwordSecretRef)
  if (cloudInit?.generatePassword) return await generated(vm, client, o.mayMake)
  return undefined
}

async function fromSecret(vm: ProxmoxVM, client: KubeClient, ref: { name: string; key: string }): Promise<Credentials | Obstacle> {
  const secret = await client.get(secrets, { namespace: vm.metadata.namespace ?? '', name: ref.name })
  // An editor ends a file with a line break, and PVE would make it part of the password.
  const password = decoded(secret, ref.key)?.replace(/\r?\n$/, '')
  if (!secret || !password)
    return stalled(
      'SecretNotFound',
      `Secret "${ref.name}" with key "${ref.key}" is missing and holds the cloud-init password; create it in namespace ${vm.metadata.namespace}.`,
    )
  if (controlCharacter.test(password))
    return stalled(
      'PasswordInvalid',
      `The password under key "${ref.key}" of Secret "${ref.name}" has a line break or another control character; write it on one line.`,
    )
  return { password, version: versionOf(secret) }
}

async function generated(vm: ProxmoxVM, client: KubeClient, mayMake: boolean): Promise<Credentials | undefined | Obstacle> {
  const key = { namespace: vm.metadata.namespace ?? '', name: credentialsName(vm) }
  const found = await client.get(secrets, key)
  // A password that the guest does not have would pass for its own.
  if (!found && !mayMake) return undefined
  const secret = found ?? (await create(vm, client))
  const password = decoded(secret, 'password')
  if (!isOurs(secret, vm) || !password)
    return stalled('SecretConflict', `Secret "${key.name}" exists and does not belong to this VM; delete it, or use passwordSecretRef.`)
  return { password, version: versionOf(secret) }
}

/** On the generated Secret: the request for which it was renewed last, so that none renews it twice. */
const renewedAnnotation = 'pve.hosting/renewed-for'

/** A new password in the generated Secret, once for each request; one that is not ours stays as it is, and `credentialsFor` tells. */
export async function rotatePassword(vm: ProxmoxVM, client: KubeClient, requestID: string): Promise<void> {
  const key = { namespace: vm.metadata.namespace ?? '', name: credentialsName(vm) }
  const secret = await client.get(secrets, key)
  if (!secret || !isOurs(secret, vm) || secret.metadata.annotations?.[renewedAnnotation] === requestID) return
  const { resourceVersion } = secret.metadata
  await client.mergePatch(secrets, key, {
    metadata: { resourceVersion, annotations: { [renewedAnnotation]: requestID } },
    data: { password: Buffer.from(newPassword()).toString('base64') },
  })
}

/** PVE keeps the password of a Windows guest as it is, in a file of lines. */
const controlCharacter = /\p{Cc}/u

const ownerOf = ({ metadata: { name, uid } }: ProxmoxVM) => ({
  apiVersion,
  kind: 'ProxmoxVM',
  name,
  uid: uid ?? '',
  controller: true,
  blockOwnerDeletion: false,
})

async function create(vm: ProxmoxVM, client: KubeClient): Promise<Secret> {
  const { namespace } = vm.metadata
  const encode = (text: string) => Buffer.from(text).toString('base64')
  return await client.create(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...(namespace && { namespace }),
      name: credentialsName(vm),
      ownerReferences: [ownerOf(vm)],
    },
    type: 'Opaque',
    data: { username: encode(vm.spec.cloudInit?.user ?? ''), password: encode(newPassword()) },
  })
}

/** Deletes the generated Secret; one that is not ours stays. */
export async function deleteCredentials(vm: ProxmoxVM, client: KubeClient): Promise<void> {
  const key = { namespace: vm.metadata.namespace ?? '', name: credentialsName(vm) }
  const secret = await client.get(secrets, key)
  if (secret && isOurs(secret, vm)) await client.delete(secrets, key, { uid: secret.metadata.uid ?? '' })
}

const isOurs = (secret: Secret, vm: ProxmoxVM) => secret.metadata.ownerReferences?.some((owner) => owner.uid === vm.metadata.uid) ?? false

function decoded(secret: Secret | undefined, key: string): string | undefined {
  const value = secret?.data?.[key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8')
}

const versionOf = (secret: Secret) => `${secret.metadata.uid}/${secret.metadata.resourceVersion}`

/** Names the password of today's Secret without telling it; nothing is made for it. Undefined: there is none. */
export async function passwordVersionOf(vm: ProxmoxVM, client: KubeClient): Promise<string | undefined> {
  const { passwordSecretRef, generatePassword } = vm.spec.cloudInit ?? {}
  const name = passwordSecretRef?.name ?? (generatePassword ? credentialsName(vm) : undefined)
  const secret = name === undefined ? undefined : await client.get(secrets, { namespace: vm.metadata.namespace ?? '', name })
  return secret && (passwordSecretRef || isOurs(secret, vm)) ? versionOf(secret) : undefined
}

/** The generated Secret of the former object becomes this one's; it has the password that the guest knows. */
export async function inheritCredentials(vm: ProxmoxVM, client: KubeClient, fromUID: string): Promise<void> {
  if (!vm.spec.cloudInit?.generatePassword) return
  const key = { namespace: vm.metadata.namespace ?? '', name: credentialsName(vm) }
  const secret = await client.get(secrets, key)
  if (!secret?.metadata.ownerReferences?.some(({ uid }) => uid === fromUID)) return
  const { resourceVersion } = secret.metadata
  await client.mergePatch(secrets, key, { metadata: { resourceVersion, ownerReferences: [ownerOf(vm)] } })
}
