import { stringify } from 'yaml'
import type { Identity } from './pki.ts'

/** A kubeconfig as kubectl and client libraries read it; with `as`, the same login acting as somebody else. */
export function kubeconfig(o: { url: string; ca: string; token: string; as?: Identity }): string {
  const name = 'pve-operator'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: o.url, 'certificate-authority-data': Buffer.from(o.ca).toString('base64') } }],
    users: [{ name, user: { token: o.token, ...(o.as && { as: o.as.user, 'as-groups': [...o.as.groups] }) } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  })
}
