// Writes X.509 certificates: a cluster's CA and its nodes' server certificates.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, type X509Certificate } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { bits, der, integer, octets, oid, sequence, set, time, utf8, yes } from './der.ts'

const ecdsaSha256 = sequence(oid('1.2.840.10045.4.3.2'))
const dayMs = 86_400_000

export interface Authority {
  name: Buffer
  key: KeyObject
  /** PEM, for clients. */
  certificate: string
}

export interface ServerCertificate {
  key: string
  cert: string
  /** SHA-256 of the DER, `AA:BB:…`, as GET /nodes prints it. */
  fingerprint: string
}

const commonName = (text: string): Buffer => sequence(set(sequence(oid('2.5.4.3'), utf8(text))))
const pem = (body: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${(body.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`

function build(o: {
  subject: Buffer
  issuer: Buffer
  publicKey: KeyObject
  signer: KeyObject
  days: number
  extensions: Buffer[]
}): Buffer {
  const serial = randomBytes(16)
  serial[0] = (serial[0] ?? 0) & 0x7f
  const validity = sequence(time(new Date(Date.now() - dayMs)), time(new Date(Date.now() + o.days * dayMs)))
  const spki = o.publicKey.export({ type: 'spki', format: 'der' })
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaSha256,
    o.issuer,
    validity,
    o.subject,
    spki,
    der(0xa3, sequence(...o.extensions)),
  )
  return sequence(body, ecdsaSha256, bits(sign('sha256', body, o.signer)))
}

/** A cluster CA like /etc/pve/pve-root-ca.pem. */
export function makeAuthority(): Authority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = commonName('Proxmox Virtual Environment (simulated)')
  const basic = sequence(oid('2.5.29.19'), yes(), octets(sequence(yes())))
  const usage = sequence(oid('2.5.29.15'), yes(), octets(der(0x03, Buffer.from([1, 0x06]))))
  const certificate = build({
    subject: name,
    issuer: name,
    publicKey: pair.publicKey,
    signer: pair.privateKey,
    days: 3650,
    extensions: [basic, usage],
  })
  return { name, key: pair.privateKey, certificate: pem(certificate) }
}

/** A CA that was made elsewhere. The name goes into what it signs, byte by byte. */
export function authorityOf(certificate: X509Certificate, key: KeyObject): Authority {
  return { name: subjectOf(certificate.raw), key, certificate: certificate.toString() }
}

/** The subject's DER: the sixth part of the certificate's body, behind version, serial, algorithm, issuer and validity. */
function subjectOf(raw: Buffer): Buffer {
  let at = contentAt(raw, contentAt(raw, 0))
  for (let skipped = 0; skipped < 5; skipped++) at = endOf(raw, at)
  return raw.subarray(at, endOf(raw, at))
}

function lengthAt(raw: Buffer, at: number): { header: number; length: number } {
  const first = raw[at + 1] ?? 0
  if (first < 0x80) return { header: 2, length: first }
  const bytes = first & 0x7f
  return { header: 2 + bytes, length: raw.readUIntBE(at + 2, bytes) }
}

function contentAt(raw: Buffer, at: number): number {
  return at + lengthAt(raw, at).header
}

function endOf(raw: Buffer, at: number): number {
  const { header, length } = lengthAt(raw, at)
  return at + header + length
}

/** A node's pve-ssl.pem: its name, FQDN, localhost and addresses. */
export function makeNodeCertificate(authority: Authority, node: string, addresses: readonly string[]): ServerCertificate {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = [node, `${node}.sim.local`, 'localhost'].map((n) => der(0x82, Buffer.from(n)))
  const ips = ['127.0.0.1', ...addresses].filter((a) => isIPv4(a)).map((a) => der(0x87, Buffer.from(a.split('.').map(Number))))
  const loopback6 = der(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]))
  const alt = sequence(oid('2.5.29.17'), octets(sequence(...names, ...ips, loopback6)))
  const subject = commonName(`${node}.sim.local`)
  const body = build({ subject, issuer: authority.name, publicKey: pair.publicKey, signer: authority.key, days: 730, extensions: [alt] })
  const fingerprint = (createHash('sha256').update(body).digest('hex').toUpperCase().match(/../g) ?? []).join(':')
  return { key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: pem(body), fingerprint }
}
