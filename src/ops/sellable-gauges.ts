/** Gauge of what can still be sold. */
import { Gauge, type Registry } from 'prom-client'

export interface SellableFigure {
  readonly package: string
  readonly cluster: string
  readonly vms: number
}

/** Asked at each scrape; a package or cluster that is gone takes its series along. */
export function registerSellable(registry: Registry, figures: () => readonly SellableFigure[]): void {
  const gauge = new Gauge({
    name: 'pve_operator_sellable_vms',
    help: 'How many more VMs of a VMPackage a cluster can take, as status.sellable of the package says.',
    labelNames: ['cluster', 'package'],
    registers: [registry],
    collect() {
      gauge.reset()
      for (const { cluster, package: name, vms } of figures()) gauge.set({ cluster, package: name }, vms)
    },
  })
}
