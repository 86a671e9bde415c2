// Brings the cluster into the state a fault describes, and back.
import type { World } from '../world/world.ts'
import { BadRequest } from './bad-request.ts'
import { readHook } from './hooks.ts'
import type { Outage } from './outage-spec.ts'
import { impose } from './overrides.ts'

type Undo = () => void

/** Refuses names the world does not have. */
export function checkOutage(world: World, outage: Outage): void {
  for (const name of [outage.node?.name, outage.daemon?.node, outage.pvestatd?.node, ...(outage.minority ?? [])]) {
    if (name !== undefined && !world.nodes.has(name))
      throw new BadRequest(`there is no node '${name}'; there are: ${[...world.nodes.keys()].join(', ')}`)
  }
  for (const hook of outage.meanwhile ?? []) readHook(hook)
  const storage = outage.storage?.name
  const known = [...world.storage.definitions.keys()]
  if (storage !== undefined && !known.includes(storage))
    throw new BadRequest(`there is no storage '${storage}'; there are: ${known.join(', ')}`)
}

/** Nobody waits for an answer when an outage ends by itself: what its hooks refuse is told on stderr. */
function tellingFaults(work: () => void): void {
  try {
    work()
  } catch (fault) {
    if (!(fault instanceof BadRequest)) throw fault
    process.stderr.write(`simulator: ${fault.message}\n`)
  }
}

/** Applies it; the result puts it back, once. */
export function applyOutage(world: World, outage: Outage): Undo {
  const { node, storage, daemon, pvestatd, noQuorum, minority, configStore, cleanupMs } = outage
  const undo: Undo[] = []
  if (node?.state === 'maintenance') undo.push(setMaintenance(world, node.name))
  else if (node) undo.push(setPower(world, node.name, node.state === 'on'))
  if (daemon) undo.push(setDaemon(world, daemon.node, 'pvedaemon', daemon.state === 'on'))
  if (pvestatd) undo.push(setDaemon(world, pvestatd.node, 'pvestatd', pvestatd.state === 'on'))
  if (storage) undo.push(setStorage(world, storage.name, storage.state))
  if (noQuorum !== undefined) undo.push(setQuorum(world, !noQuorum))
  if (minority) undo.push(setQuorum(world, false), cutOff(world, minority))
  if (configStore) undo.push(impose(world, 'config store', true, { get: () => false, set: (isLost) => world.setGuestConfigsLost(isLost) }))
  if (cleanupMs !== undefined) undo.push(setCleanup(world, cleanupMs))
  let done = false
  const back = (): void => {
    if (done) return
    done = true
    for (const step of undo.toReversed()) step()
    for (const hook of outage.meanwhile ?? []) readHook(hook)(world)
  }
  if (outage.forMs !== undefined) world.clock.after(outage.forMs, () => tellingFaults(back))
  return back
}

function setPower(world: World, name: string, isOn: boolean): Undo {
  return impose(world, `node ${name}`, isOn, {
    get: () => world.nodes.get(name)?.online ?? true,
    set: (online) => world.setNodeOnline(name, online),
  })
}

/** What `ha-manager crm-command node-maintenance enable` asks for. */
function setMaintenance(world: World, name: string): Undo {
  const { ha } = world
  ha.commands.push(`enable-node-maintenance ${name}`)
  return impose(world, `maintenance ${name}`, true, {
    get: () => ha.maintenance.has(name),
    set: (isOn) => void (isOn ? ha.maintenance.add(name) : ha.maintenance.delete(name)),
  })
}

function setQuorum(world: World, quorate: boolean): Undo {
  return impose(world, 'quorum', quorate, {
    get: () => world.quorate,
    set: (value) => {
      world.quorate = value
    },
  })
}

/** Every node but the answering one and those that are cut off with it is out of reach. */
function cutOff(world: World, together: readonly string[]): Undo {
  const here = new Set([world.firstNode.name, ...together])
  const undo = [...world.nodes.values()]
    .filter(({ name }) => !here.has(name))
    .map((node) =>
      impose(world, `reach ${node.name}`, false, {
        get: () => node.reachable,
        set: (value) => {
          node.reachable = value
        },
      }),
    )
  return () => {
    for (const step of undo) step()
  }
}

function setCleanup(world: World, cleanupMs: number): Undo {
  return impose(world, 'clean-up', cleanupMs, {
    get: () => world.cleanupMs,
    set: (value) => {
      world.cleanupMs = value
    },
  })
}

function setDaemon(world: World, name: string, daemon: 'pvedaemon' | 'pvestatd', running: boolean): Undo {
  const node = world.nodes.get(name)
  if (node === undefined) return () => {}
  return impose(world, `${daemon} ${name}`, running, {
    get: () => node[daemon],
    set: (value) => {
      node[daemon] = value
    },
  })
}

function setStorage(world: World, name: string, state: 'on' | 'off' | 'full'): Undo {
  const storage = world.storage.definitions.get(name)
  if (storage === undefined) return () => {}
  if (state === 'full')
    return impose(world, `room ${name}`, storage.sizeBytes, {
      get: () => storage.usedBytes ?? 0,
      set: (value) => {
        storage.usedBytes = value
      },
    })
  return impose(world, `storage ${name}`, state === 'on', {
    get: () => storage.online,
    set: (value) => {
      storage.online = value
    },
  })
}
