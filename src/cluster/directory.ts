import type { LiveCluster, PveCluster } from './cluster.ts'
import type { ClusterProblem } from './verdict.ts'

/** The PVE clusters there are, by the name of their ProxmoxCluster. Filled by the cluster controller. */
export class ClusterDirectory {
  readonly #clusters = new Map<string, LiveCluster>()
  readonly #problems = new Map<string, ClusterProblem>()
  readonly #listeners = new Set<(name: string) => void>()

  /** Also while PVE cannot be reached: what was known of it stays. Undefined: no such object, or never any credentials. */
  get(name: string): PveCluster | undefined {
    return this.#clusters.get(name)
  }

  /** Why it cannot be worked with now. */
  problem(name: string): ClusterProblem | undefined {
    return this.#problems.get(name)
  }

  list(): LiveCluster[] {
    return [...this.#clusters.values()]
  }

  /** Called with the name of a cluster that came, went, changed its spec, or whose problem came, went or changed. */
  subscribe(listener: (name: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** For the controller. */
  live(name: string): LiveCluster | undefined {
    return this.#clusters.get(name)
  }

  /** For the controller. */
  put(cluster: LiveCluster): void {
    this.#clusters.set(cluster.name, cluster)
    this.tell(cluster.name)
  }

  /** For the controller. */
  remove(name: string): void {
    const known = this.#clusters.delete(name)
    if (this.#problems.delete(name) || known) this.tell(name)
  }

  /** For the controller. */
  setProblem(name: string, problem: ClusterProblem | undefined): void {
    const before = this.#problems.get(name)
    if (before?.reason === problem?.reason && before?.message === problem?.message) return
    if (problem === undefined) this.#problems.delete(name)
    else this.#problems.set(name, problem)
    this.tell(name)
  }

  /** For the controller. */
  tell(name: string): void {
    for (const listener of this.#listeners) listener(name)
  }
}
