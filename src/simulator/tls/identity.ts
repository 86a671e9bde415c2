// Who a cluster is to the outside: its CA and the certificate of each node.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { NodeSpec, TlsSpec } from '../world/spec.ts'
import { type Authority, authorityOf, makeAuthority, makeNodeCertificate, type ServerCertificate } from './certificate.ts'

export interface ClusterIdentity {
  authority: Authority
  nodes: ReadonlyMap<string, ServerCertificate>
}

/** Another CA at each call, unless the scenario names one; node certificates are always new. */
export function makeIdentity(nodes: readonly NodeSpec[], named?: TlsSpec): ClusterIdentity {
  const authority = named === undefined ? makeAuthority() : namedAuthority(named)
  return { authority, nodes: new Map(nodes.map(({ name, ip }) => [name, makeNodeCertificate(authority, name, [ip])])) }
}

function namedAuthority({ ca, key }: TlsSpec): Authority {
  const certificate = new X509Certificate(ca)
  const privateKey = createPrivateKey(key)
  if (!certificate.checkPrivateKey(privateKey)) throw new Error('tls.key of the scenario does not belong to tls.ca')
  if (privateKey.asymmetricKeyType !== 'ec')
    throw new Error(`tls.key of the scenario is an ${privateKey.asymmetricKeyType} key; make an EC key (P-256)`)
  return authorityOf(certificate, privateKey)
}
