// A small HA cluster and what tests ask of it.
import type { ApiAnswer, Drill } from './drill.ts'

export interface Status {
  status: string
  ha: { managed: number; state?: string | null }
}

const guest = (vmid: number, config: Record<string, string> = {}) => ({
  vmid,
  node: 'pve1',
  config: { name: `vm-${vmid}`, memory: '512', scsi0: `ceph:vm-${vmid}-disk-0,size=1G`, ...config },
})

/** Guest 200 is managed and wanted up, 201 managed and down, 202 ignored, 203 not known to HA. */
export const scenario = {
  guests: [guest(200), guest(201), guest(202), guest(203)],
  ha: { resources: [{ vmid: 200 }, { vmid: 201, state: 'stopped' }, { vmid: 202, state: 'ignored' }] },
  users: [{ userid: 'root@pam' }, { userid: 'auditor@pve' }],
  tokens: [
    { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
    { tokenid: 'auditor@pve!t', secret: 'sim', privsep: false },
  ],
  acl: [{ path: '/', type: 'user', ugid: 'auditor@pve', roleid: 'PVEAuditor' }],
}

export class HaDrill {
  readonly pve: Drill

  constructor(pve: Drill) {
    this.pve = pve
  }

  async node(vmid: number): Promise<string> {
    const { body } = await this.pve.sim('GET', '/vms')
    return (body['vms'] as { vmid: number; node: string }[]).find((vm) => vm.vmid === vmid)?.node ?? ''
  }

  async status(vmid: number): Promise<Status> {
    return (await this.pve.api('GET', `/nodes/${await this.node(vmid)}/qemu/${vmid}/status/current`)).data as Status
  }

  async call(vmid: number, path: string, params: Record<string, string | number> = {}): Promise<ApiAnswer> {
    return this.pve.api('POST', `/nodes/${await this.node(vmid)}/qemu/${vmid}/${path}`, params)
  }

  /** Waits until guest and manager are in these states. */
  becomes(vmid: number, status: string, state: string): Promise<Status> {
    return this.pve.until(
      () => this.status(vmid),
      (now) => now?.status === status && now.ha.state === state,
    )
  }

  async service(vmid: number): Promise<Record<string, unknown> | undefined> {
    const rows = (await this.pve.api('GET', '/cluster/ha/status/current')).data as Record<string, unknown>[]
    return rows.find(({ id }) => id === `service:vm:${vmid}`)
  }
}
