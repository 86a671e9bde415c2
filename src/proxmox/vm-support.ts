/** What support asks of one guest beside its power: reset, migration, and the agent inside it. */
import type { Proxmox } from 'proxmox-api'
import type { At, Upid } from './answers.ts'
import { cloudInitErrorsIn, cloudInitResultFile } from './cloud-init-result.ts'
import { number, type Row, rowOf, rowsOf, text } from './fields.ts'
import { PveError } from './pve-error.ts'
import { mustBeUpid } from './upid.ts'

/** A disk that lies on a storage of the node alone. */
export interface LocalDisk {
  readonly volume: string
}

/** One row of rrddata: averages over the time from `timeSeconds` (epoch) to the next row. */
export interface AverageRow {
  readonly timeSeconds: number
  /** Of all CPUs of the VM: 0 to 1. */
  readonly cpu?: number
  readonly maxCpu?: number
  readonly memBytes?: number
  readonly maxMemBytes?: number
  /** Bytes per second. */
  readonly receivedPerSecond?: number
  readonly sentPerSecond?: number
  readonly readPerSecond?: number
  readonly writtenPerSecond?: number
}

const columns = {
  cpu: 'cpu',
  maxCpu: 'maxcpu',
  memBytes: 'mem',
  maxMemBytes: 'maxmem',
  receivedPerSecond: 'netin',
  sentPerSecond: 'netout',
  readPerSecond: 'diskread',
  writtenPerSecond: 'diskwrite',
} as const

function averageRow(row: Row): AverageRow {
  const figures = Object.entries(columns).flatMap(([field, column]) => {
    const value = number(row, column)
    return value === undefined ? [] : [[field, value] as const]
  })
  return { timeSeconds: number(row, 'time') ?? 0, ...Object.fromEntries(figures) }
}

type Calls = ReturnType<ReturnType<Proxmox.Api['nodes']['$']>['qemu']['$']>

/** One method per endpoint; all throw PveError. */
export class VmSupport {
  readonly #calls: Calls

  constructor(api: Proxmox.Api, at: At) {
    this.#calls = api.nodes.$(at.node).qemu.$(at.vmid)
  }

  /** As the button of a machine. */
  async reset(): Promise<Upid> {
    return mustBeUpid(await this.#calls.status.reset.$post())
  }

  /** Under HA the task ends at once, and the guest moves later (pve-ha-manager). */
  async migrate(o: { node: string; online: boolean; withLocalDisks: boolean }): Promise<Upid> {
    return mustBeUpid(await this.#calls.migrate.$post({ target: o.node, online: o.online, 'with-local-disks': o.withLocalDisks }))
  }

  /** Through the agent, at once. The user must be there (qemu-guest-agent, guest-set-user-password). */
  async setPassword(o: { user: string; password: string }): Promise<void> {
    await this.#calls.agent['set-user-password'].$post({ username: o.user, password: o.password, crypted: false })
  }

  /** What the agent tells, three requests; a silent one costs PVE 3 s (pve-qemu, guest-ping). */
  async guest(): Promise<{ hostname?: string; os?: string; addresses: string[] }> {
    const interfaces = rowsOf(rowOf(await this.#calls.agent['network-get-interfaces'].$get())['result'])
    const hostname = text(rowOf(rowOf(await this.#calls.agent['get-host-name'].$get())['result']), 'host-name')
    const os = text(rowOf(rowOf(await this.#calls.agent['get-osinfo'].$get())['result']), 'pretty-name')
    const all = interfaces.flatMap((row) => rowsOf(row['ip-addresses'])).flatMap((row) => text(row, 'ip-address') ?? [])
    return {
      ...(hostname !== undefined && { hostname: hostname.slice(0, 253) }),
      ...(os !== undefined && { os: os.slice(0, 253) }),
      addresses: [...new Set(all.filter((address) => !/^(?:127\.|::1$|fe80:|169\.254\.)/i.test(address)))].slice(0, 32),
    }
  }

  /** Averages that PVE keeps of the VM, oldest first (PVE::RRD create_rrd_data). What PVE does not know of a time is absent in its row. */
  async averages(timeframe: 'hour' | 'day' | 'week' | 'month' | 'year'): Promise<AverageRow[]> {
    return rowsOf(await this.#calls.rrddata.$get({ timeframe, cf: 'AVERAGE' })).map(averageRow)
  }

  /**
   * Errors of cloud-init in its last run; undefined: it has not finished, is not there, or the agent may not read files (qemu-guest-agent,
   * guest-file-open).
   */
  async cloudInitErrors(): Promise<string[] | undefined> {
    try {
      const answer = rowOf(await this.#calls.agent['file-read'].$get({ file: cloudInitResultFile }))
      return cloudInitErrorsIn(text(answer, 'content') ?? '')
    } catch (fault) {
      if (fault instanceof PveError && /Agent error|Command guest-file-open|disabled/i.test(fault.message)) return undefined
      throw fault
    }
  }

  /** What would have to be copied. CD-ROMs and the cloud-init drive are no obstacle (qemu-server, QemuMigrate). */
  async localDisks(): Promise<LocalDisk[]> {
    const disks = rowsOf(rowOf(await this.#calls.migrate.$get())['local_disks'])
    return disks
      .filter((row) => (number(row, 'cdrom') ?? 0) === 0 && !(text(row, 'volid') ?? '').includes('cloudinit'))
      .map((row) => ({ volume: text(row, 'volid') ?? '' }))
  }
}
