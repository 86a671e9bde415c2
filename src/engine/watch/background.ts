/** Connects what is read in the background with the PVE clusters, as they come. */
import type { ClusterDirectory } from '../../cluster/directory.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { BackgroundSource } from '../../ops/background-budget.ts'

/** What is to be read of one cluster. */
export type BackgroundReader = (cluster: PveCluster) => BackgroundSource

/** From now on; the answer ends it. */
export function connectBackground(
  clusters: Pick<ClusterDirectory, 'get' | 'list' | 'subscribe'>,
  readers: readonly BackgroundReader[],
): () => void {
  const connected = new WeakSet<PveCluster>()
  const ends: (() => void)[] = []
  const connect = (cluster: PveCluster | undefined) => {
    if (!cluster || connected.has(cluster)) return
    connected.add(cluster)
    ends.push(...readers.map((reader) => cluster.background.add(reader(cluster))))
  }
  const end = clusters.subscribe((name) => connect(clusters.get(name)))
  for (const cluster of clusters.list()) connect(cluster)
  return () => [end, ...ends].forEach((stop) => stop())
}
