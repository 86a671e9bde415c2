import type { World } from '../world/world.ts'
import { BadRequest } from './bad-request.ts'
import type { Upset } from './fault-spec.ts'

/** Refuses names the world does not have. */
export function checkUpset(world: World, upset: Upset): void {
  for (const name of [upset.node?.name, upset.daemon?.node]) {
    if (name !== undefined && !world.nodes.has(name))
      throw new BadRequest(`there is no node '${name}'; there are: ${[...world.nodes.keys()].join(', ')}`)
  }
  const storage = upset.storage?.name
  const known = [...world.storage.definitions.keys()]
  if (storage !== undefined && !known.includes(storage))
    throw new BadRequest(`there is no storage '${storage}'; there are: ${known.join(', ')}`)
}

/** Brings the world into the state a fault describes; the result puts it back, once. */
export function applyUpset(world: World, upset: Upset): () => void {
  const undo: (() => void)[] = []
  const { node, storage, daemon, noQuorum } = upset
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
  if (upset.forMs !== undefined) world.clock.after(upset.forMs, back)
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
