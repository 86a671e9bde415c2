/** What other people and the guests themselves do in the simulated PVE. */
import { request } from 'undici'
import { simulatorTrust } from './counts.ts'
import { adminToken } from './fleet-setting.ts'

export class PveHands {
  readonly #url: string

  constructor(simulatorUrl: string) {
    this.#url = simulatorUrl
  }

  /** The guest ends by itself, without a task of PVE. */
  async powerOffInside(vmid: number): Promise<void> {
    await this.#send('POST', '/sim/hook', JSON.stringify({ op: 'power-off', args: [String(vmid)] }))
  }

  /** As by PVE's web interface: a task of another token. */
  async start(node: string, vmid: number): Promise<void> {
    await this.#send('POST', `/api2/json/nodes/${node}/qemu/${vmid}/status/start`)
  }

  /** A fault of the simulator, as docs/simulator.md has them. */
  async fault(fault: object): Promise<void> {
    await this.#send('POST', '/sim/faults', JSON.stringify(fault))
  }

  async #send(method: 'POST', path: string, body?: string): Promise<void> {
    const answer = await request(this.#url + path, {
      dispatcher: simulatorTrust,
      method,
      headers: { authorization: `PVEAPIToken=${adminToken.tokenid}=${adminToken.secret}` },
      ...(body !== undefined && { body }),
    })
    const text = await answer.body.text()
    if (answer.statusCode > 299)
      throw new Error(`the simulator answered ${method} ${path} with ${answer.statusCode}: ${text.slice(0, 300)}`)
  }
}
