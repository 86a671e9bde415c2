import { coreEvents } from '../../src/api/meta.ts'
import type { TestWorld } from '../support/world.ts'

interface Told {
  readonly reason: string
  readonly note: string
  readonly type: string
}

/** What was told of an object, in no order. */
export async function eventsOf(world: TestWorld, name: string): Promise<Told[]> {
  const all = await world.client.list(coreEvents, { namespace: world.namespace })
  return all.filter((event) => (event as unknown as { regarding?: { name?: string } }).regarding?.name === name) as unknown as Told[]
}
