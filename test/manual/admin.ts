import { Agent, request } from 'undici'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'

/** Somebody at PVE's own interface, whom the operator knows nothing of. */
export class Admin {
  readonly #world: TestWorld
  readonly #agent = new Agent({ connect: { rejectUnauthorized: false } })

  constructor(world: TestWorld) {
    this.#world = world
  }

  guest(vm: ProxmoxVM | undefined) {
    const guest = this.#world.simulator.world.guests.get(vm?.status?.vmid ?? 0)
    if (!guest) throw new Error(`PVE has no VM ${vm?.status?.vmid}`)
    return guest
  }

  config = (vm: ProxmoxVM | undefined): Record<string, string> => Object.fromEntries(this.guest(vm).config)

  isRunning = (vm: ProxmoxVM | undefined): boolean => this.guest(vm).isRunning

  start = (vm: ProxmoxVM) => this.#task('POST', vm, '/status/start')
  stop = (vm: ProxmoxVM) => this.#task('POST', vm, '/status/stop')
  set = (vm: ProxmoxVM, values: Record<string, string | number>) => this.call('PUT', vm, '/config', values)

  /** `qm destroy`, volumes and all, of a VM that may run. */
  async destroy(vm: ProxmoxVM): Promise<void> {
    if (this.isRunning(vm)) await this.stop(vm)
    await this.at('DELETE', `/nodes/${this.guest(vm).node}/qemu/${vm.status?.vmid}`)
  }

  /** The guest's own `poweroff`: no task, the process just ends. */
  powerOff(vm: ProxmoxVM): void {
    this.guest(vm).process = undefined
  }

  lock(vm: ProxmoxVM, lock: string | undefined): void {
    this.#world.simulator.world.setLock(vm.status?.vmid ?? 0, lock)
  }

  async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', vm: ProxmoxVM, path: string, values: Record<string, string | number> = {}) {
    return await this.at(method, `/nodes/${this.guest(vm).node}/qemu/${vm.status?.vmid}${path}`, values)
  }

  async at(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    values: Record<string, string | number> = {},
    node = path.split('/')[2] ?? '',
  ) {
    const form = new URLSearchParams(Object.entries(values).map(([key, value]) => [key, String(value)] as [string, string])).toString()
    const isInUrl = method === 'GET' || method === 'DELETE'
    const answer = await request(`${this.#world.simulator.url}/api2/json${path}${isInUrl && form ? `?${form}` : ''}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: 'PVEAPIToken=root@pam!sim=sim', 'content-type': 'application/x-www-form-urlencoded' },
      ...(!isInUrl && { body: form }),
    })
    const body = (await answer.body.text()) || '{}'
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${body}`)
    const { data } = JSON.parse(body) as { data: unknown }
    if (typeof data === 'string' && data.startsWith('UPID:')) await this.#ended(node, data)
    return data
  }

  async #task(method: 'POST', vm: ProxmoxVM, path: string) {
    await this.call(method, vm, path)
  }

  async #ended(node: string, upid: string): Promise<void> {
    await until(`${upid} ends`, () => this.#world.simulator.world.tasks.onNode(node).find((task) => task.upid === upid)?.endtime)
  }

  /** Polls `look` while the operator's clock runs ahead, so that its next listing is not waited for. */
  async soon<T>(what: string, look: () => T | Promise<T>, o: { seconds?: number; describe?: () => unknown } = {}) {
    return await until(
      what,
      async () => {
        const seen = await look()
        if (!seen) this.#world.clock.skip(2_000)
        return seen
      },
      { everyMs: 150, ...o },
    )
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}
