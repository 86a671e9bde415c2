import type { World } from '../world/world.ts'
import { BadRequest } from './bad-request.ts'
import type { Outage } from './fault-spec.ts'

/** Refuses names the world does not have. */
export function checkOutage(world: World, outage: Outage): void {
  for (const name of [outage.node?.name, outage.daemon?.node]) {
    if (name !== undefined && !world.nodes.has(name))
      throw new BadRequest(`there is no node '${name}'; there are: ${[...world.nodes.keys()].join(', ')}`)
  }
  const storage = outage.storage?.name
  const known = [...world.storage.definitions.keys()]
  if (storage !== undefined && !known.includes(storage))
    throw new BadRequest(`there is no storage '${storage}'; there are: ${known.join(', ')}`)
}

/** Brings the world into the state a fault describes; the result puts it back, once. */
export function applyOutage(world: World, outage: Outage): () => void {
  const undo: (() => void)[] = []
  const { node, storage, daemon, noQuorum } = outage
  if (node !== undefined) {
    const was = world.nodes.get(node.name)?.online ?? true
    world.setNodeOnline(node.name, node.state === 'on')
    undo.push(() => world.setNodeOnline(node.name, was))
  }
  if (daemon !== undefined) undo.push(setDaemon(world, daemon.node, daemon.state === 'on'))
  if (storage !== undefined) undo.push(setStorage(world, storage.name, storage.state))
  if (noQuorum !== undefined) {
    const was = world.quorate
    world.quorate = !noQuorum
    undo.push(() => {
      world.quorate = was
    })
  }
  let done = false
  const back = (): void => {
    if (!done) for (const step of undo) step()
    done = true
  }
  if (outage.forMs !== undefined) world.clock.after(outage.forMs, back)
  return back
}

function setDaemon(world: World, name: string, running: boolean): () => void {
  const node = world.nodes.get(name)
  if (node === undefined) return () => {}
  const was = node.pvedaemon
  node.pvedaemon = running
  return () => {
    node.pvedaemon = was
  }
}

function setStorage(world: World, name: string, state: 'on' | 'off' | 'full'): () => void {
  const storage = world.storage.definitions.get(name)
  if (storage === undefined) return () => {}
  const { online, usedBytes = 0 } = storage
  if (state === 'full') storage.usedBytes = storage.sizeBytes
  else storage.online = state === 'on'
  return () => {
    storage.online = online
    storage.usedBytes = usedBytes
  }
}
