/** The credentials of the broker in PVE, read from the Secret of spec.console when they are needed. */
import { secrets, type Secret } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Clock } from '../ops/clock.ts'
import { ConsoleDoor, type ConsoleLogin } from '../proxmox/console-door.ts'

/** A way into PVE, or what is wrong with the Secret; its values never reach a message. */
export type DoorOrProblem = { readonly door: ConsoleDoor; readonly takesSerial: boolean } | { readonly problem: string }

/** Written as PVE prints them; anything else could bring further headers in. */
const shapes = {
  tokenID: /^[^\s:/!=]+@[A-Za-z][\w.-]+![A-Za-z][\w.-]+$/,
  tokenSecret: /^[\x21-\x7e]{1,256}$/,
  username: /^[^\s:/!=]+@[A-Za-z][\w.-]+$/,
  password: /^[^\r\n]{1,256}$/,
}

/** Reads the Secret of spec.console. */
export async function doorOf(cluster: ProxmoxCluster, client: KubeClient, clock: Clock): Promise<DoorOrProblem> {
  const { endpoints, tls = {}, console: settings } = cluster.spec
  if (!settings) return { problem: `ProxmoxCluster "${cluster.metadata.name}" has no spec.console` }
  const [ref, own] = [settings.credentialsSecretRef, cluster.spec.credentialsSecretRef]
  if (ref.namespace === own.namespace && ref.name === own.name) {
    return {
      problem: `spec.console of ProxmoxCluster "${cluster.metadata.name}" names the Secret with the token of the operator; the broker must have a Secret of its own`,
    }
  }
  const found = loginIn(await client.get(secrets, { namespace: ref.namespace, name: ref.name }), `${ref.namespace}/${ref.name}`)
  if ('problem' in found) return found
  const identity = cluster.spec.identity ?? cluster.status?.identity
  return { door: new ConsoleDoor({ endpoints, tls, login: found, identity, clock }), takesSerial: 'username' in found }
}

function loginIn(secret: Secret | undefined, where: string): ConsoleLogin | { problem: string } {
  if (!secret) return { problem: `Secret ${where} does not exist; create it` }
  const value = (key: keyof typeof shapes): string | undefined => {
    const text = Buffer.from(secret.data?.[key] ?? '', 'base64')
      .toString('utf8')
      .replace(/\r?\n$/, '')
    return shapes[key].test(text) ? text : undefined
  }
  const [username, password, tokenID, tokenSecret] = [value('username'), value('password'), value('tokenID'), value('tokenSecret')]
  if (username !== undefined && password !== undefined) return { username, password }
  if (tokenID !== undefined && tokenSecret !== undefined) return { tokenID, tokenSecret }
  return { problem: `Secret ${where} has neither tokenID and tokenSecret nor username and password, as PVE writes them` }
}
