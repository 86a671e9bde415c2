/** What billing systems conclude when something answers that is not the API server: a load balancer without backends, or a server without the kinds. */
import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ApiServer } from '../../examples/billing-bridge/api-server.ts'
import { Services } from '../../examples/billing-bridge/service.ts'
import { makeAuthority, makeNodeCertificate } from '../../src/simulator/tls/certificate.ts'
import { phpIsHere } from './whmcs/php.ts'

const lib = join(import.meta.dirname, '../../integrations/whmcs/modules/servers/pveoperator/lib/autoload.php')
const suite = phpIsHere() ? describe : describe.skip

/** The answers of one path each; everything else has the 404 of a proxy. */
const noSuchObject = {
  kind: 'Status',
  status: 'Failure',
  reason: 'NotFound',
  message: 'proxmoxvms.pve.hosting "whmcs-1" not found',
  code: 404,
}
const knownPath = '/apis/pve.hosting/v1alpha1/namespaces/known/proxmoxvms/whmcs-1'

let server: Server
let url: string
const authority = makeAuthority()

beforeAll(async () => {
  const { key, cert } = makeNodeCertificate(authority, 'balancer', [])
  server = createServer({ key, cert }, (request, response) => {
    const isKnown = request.url === knownPath
    response.writeHead(404, { 'content-type': isKnown ? 'application/json' : 'text/plain', connection: 'close' })
    response.end(isKnown ? JSON.stringify(noSuchObject) : 'default backend - 404')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

describe('the billing bridge, answered 404 by a proxy', () => {
  it('does not take the VM for terminated', async () => {
    const api = new ApiServer({ server: url, token: () => 'x', ca: authority.certificate })
    const services = new Services({ api, namespace: 'customer-1', signal: AbortSignal.timeout(60_000) })
    try {
      await expect(services.terminate('1')).rejects.toMatchObject({ status: 404, reason: 'Unknown' })
      await expect(api.delete('/apis/pve.hosting/v1alpha1/namespaces/customer-1/proxmoxvms/whmcs-1', 'uid')).rejects.toThrow(
        'default backend',
      )
      expect(await api.get(knownPath)).toBeUndefined()
    } finally {
      await api.close()
    }
  })
})

suite('the WHMCS module', () => {
  const php = async (expression: string): Promise<unknown> => {
    const code = `require $argv[1]; use PveOperator\\{ApiServer, Deadline, Refusal, Whmcs};
      $api = fn () => new ApiServer(['serverhostname' => '127.0.0.1', 'serverport' => $argv[2], 'serverpassword' => 'x', 'serveraccesshash' => $argv[3]], new Deadline());
      try { echo json_encode(${expression}); } catch (Refusal $refusal) { echo json_encode('refused: ' . $refusal->getMessage()); }`
    const { stdout } = await promisify(execFile)('php', ['-r', code, lib, new URL(url).port, authority.certificate])
    return JSON.parse(stdout)
  }

  it('answered 404 by a proxy, does not take the VM for gone', async () => {
    const gone = "$api()->find('/apis/pve.hosting/v1alpha1/namespaces/customer-1/proxmoxvms/whmcs-1')"
    expect(await php(gone)).toMatch(
      /^refused: https:\/\/127\.0\.0\.1:\d+ does not serve pve\.hosting\/v1alpha1 \(404\): .*Nothing was done/,
    )
    expect(await php(`$api()->find('${knownPath}')`)).toBeNull()
  })

  it('writes a reason for a suspension as one line of whole characters', async () => {
    expect(await php(`Whmcs::line(" Оплата\\n просрочена ", 200)`)).toBe('Оплата просрочена')
    expect(await php(`Whmcs::line(str_repeat('ü', 300), 200)`)).toBe('ü'.repeat(200))
    // As a WHMCS that is not set to UTF-8 hands it over.
    expect(await php(`Whmcs::line("z\\xfcrich\\x07 late", 200)`)).toBe('z?rich late')
  })
})
