// What `simulate` says after `ready`: where it is, who may come in, and a first call.
import type { Simulator } from './simulator.ts'

/** Address, fingerprint of the certificate, first token, and a curl line that can be copied as it is. */
export function greeting({ url, fingerprint, world }: Pick<Simulator, 'url' | 'fingerprint' | 'world'>): string {
  const token = world.spec.tokens[0]
  const lines = [`URL    ${url}`]
  if (fingerprint !== undefined) lines.push(`trust  ${fingerprint}   (spec.tls.fingerprints of the ProxmoxCluster)`)
  if (token) {
    const { tokenid, secret, alias } = token
    lines.push(`token  ${tokenid}=${secret}${alias === undefined ? '' : `   (the secret '${alias}' works too)`}`)
    const insecure = url.startsWith('https') ? '-k ' : ''
    lines.push(`try    curl ${insecure}-H 'Authorization: PVEAPIToken=${tokenid}=${alias ?? secret}' ${url}/api2/json/nodes`)
  }
  return lines.join('\n')
}
