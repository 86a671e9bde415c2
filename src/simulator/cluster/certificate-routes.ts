// /nodes/{node}/certificates: the CA and the node's own certificate (PVE::API2::Certificates, PVE::Certificate).
import { X509Certificate } from 'node:crypto'
import type { Call, Route } from '../routes.ts'

type Row = Record<string, unknown>

/** `/CN=a/O=b`, as OpenSSL's one-line form prints a name. */
function oneLine(name: string): string {
  return name
    .split('\n')
    .map((part) => `/${part}`)
    .join('')
}

function describe(filename: string, pem: string): Row[] {
  if (pem === '') return []
  const certificate = new X509Certificate(pem)
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
  return [
    {
      filename,
      fingerprint: certificate.fingerprint256,
      subject: oneLine(certificate.subject),
      issuer: oneLine(certificate.issuer),
      notbefore: Math.floor(certificate.validFromDate.getTime() / 1000),
      notafter: Math.floor(certificate.validToDate.getTime() / 1000),
      'public-key-type': asymmetricKeyType === 'ec' ? 'id-ecPublicKey' : 'rsaEncryption',
      'public-key-bits': asymmetricKeyDetails?.modulusLength ?? 256,
      san: (certificate.subjectAltName ?? '')
        .split(', ')
        .filter(Boolean)
        .map((name) => name.replace(/^(?:DNS|IP Address):/, '')),
      pem: certificate.toString(),
    },
  ]
}

function info({ world, node }: Call): Row[] {
  return [...describe('pve-root-ca.pem', world.rootCa), ...describe('pve-ssl.pem', world.nodes.get(node)?.certificate ?? '')]
}

export const certificateRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/{node}/certificates', handler: () => ['acme', 'custom', 'info'].map((name) => ({ name })) },
  { method: 'GET', path: '/nodes/{node}/certificates/info', handler: info },
]
