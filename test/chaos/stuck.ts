// What a round tells of objects that do not come to rest, so that a seed need not be played again only to look at them.
import { commandsOf, type Scene, vmsOf } from './scene.ts'
import { isOver } from './invariants/objects.ts'

/** Tells status of each stuck object, and the last requests to PVE about its VM. */
export async function tellStuck(scene: Scene, names: ReadonlySet<string>): Promise<void> {
  const requests = scene.world.requests()
  const commands = (await commandsOf(scene)).filter((one) => names.has(one.metadata.name) && !isOver(one))
  const ofCommands = new Set(commands.map(({ spec }) => spec.vmRef.name))
  for (const { metadata, spec, status } of commands) scene.tell(`  stuck ${metadata.name}: ${JSON.stringify({ spec, status })}`)
  for (const { metadata, spec, status } of await vmsOf(scene)) {
    if (!names.has(metadata.name) && !ofCommands.has(metadata.name)) continue
    const { deletionTimestamp, finalizers, annotations } = metadata
    scene.tell(`  stuck ${metadata.name}: ${JSON.stringify({ deletionTimestamp, finalizers, annotations, spec, status })}`)
    const { vmid } = status ?? {}
    const guest = scene.world.simulator.world.guests.get(vmid ?? 0)
    scene.tell(
      `  its guest: ${guest ? JSON.stringify({ node: guest.node, isRunning: guest.isRunning, lock: guest.lock, config: [...guest.config] }) : 'none'}`,
    )
    for (const line of requests.filter((one) => one.includes(`/${vmid}`) || one.includes(`=${vmid}`)).slice(-25)) scene.tell(`    ${line}`)
  }
}
