import type { PveCluster } from './cluster.ts'

/** The node has left the PVE cluster: nothing of it runs there any more, and nobody answers for it. */
export const hasLeft = ({ inventory }: Pick<PveCluster, 'inventory'>, node: string): boolean =>
  inventory.current()?.nodes.has(node) === false
