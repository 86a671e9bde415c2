/** Connects what can be sold with the VMs on their way, and with the gauges. */
import type { Dependencies } from './engine/dependencies.ts'
import { promisedPlaces } from './engine/create/learn-promised.ts'
import { about, type Log } from './ops/log.ts'
import type { SellableFigure } from './ops/sellable-gauges.ts'
import { SellableKeeper, type SellableOptions } from './sale/keeper.ts'
import type { Stores } from './watched-kinds.ts'

export const makeSellableKeeper = ({
  stores,
  deps,
  log,
  ...o
}: Omit<SellableOptions, 'packages' | 'clusters' | 'namespaces' | 'promised' | 'onFault'> & {
  readonly log: Log
  readonly stores: Pick<Stores, 'packages' | 'clusters' | 'namespaces'>
  readonly deps: Pick<Dependencies, 'inFlight' | 'vms'>
}): SellableKeeper =>
  new SellableKeeper({
    ...o,
    ...stores,
    promised: (cluster, listing) => promisedPlaces(deps, cluster, undefined, listing),
    onFault: (err) => about(log, { part: 'sale' }).warn({ err }, 'failed to write what can be sold; retrying'),
  })

/** As the packages say it: also in copies that do not lead. */
export const sellableFigures = ({ stores }: { readonly stores: Pick<Stores, 'packages'> }): SellableFigure[] =>
  stores.packages
    .list()
    .flatMap(({ metadata, status }) =>
      (status?.sellable ?? []).map(({ cluster, count }) => ({ package: metadata.name, cluster, vms: count })),
    )
