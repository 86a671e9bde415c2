/** Of which VMs each storage has backup files, as the background reading saw it last. */

export class SeenBackupFiles {
  /** VMIDs by storage and node. */
  readonly #vmids = new Map<string, Set<number>>()

  /** All files of one storage, as one node shows it. */
  note(place: { readonly storage: string; readonly node: string }, vmids: Iterable<number>): void {
    this.#vmids.set(nameOf(place), new Set(vmids))
  }

  /** One was made. */
  add(place: { readonly storage: string; readonly node: string }, vmid: number): void {
    this.#vmids.get(nameOf(place))?.add(vmid)
  }

  /** This process has read all of the storage, and there was none of that VM. False: there was one, or nobody has looked. */
  hasNone(place: { readonly storage: string; readonly node: string }, vmid: number): boolean {
    return this.#vmids.get(nameOf(place))?.has(vmid) === false
  }
}

const nameOf = ({ storage, node }: { readonly storage: string; readonly node: string }) => `${storage} ${node}`
