/** A MAC address of our own choice. */
import { randomBytes } from 'node:crypto'
import type { Dependencies } from '../dependencies.ts'

/** PVE's default prefix, so that admins recognise it; unique among our VMs, kept for life. */
export function newMac(deps: Dependencies, cluster: string): string {
  const used = new Set(
    deps.vms
      .list()
      .filter((vm) => vm.spec.clusterRef.name === cluster)
      .flatMap((vm) => vm.status?.interfaces?.map((net) => net.macAddress) ?? []),
  )
  for (;;) {
    const mac = ['BC', '24', '11', ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())].join(':')
    if (!used.has(mac)) return mac
  }
}
