/** Each kind has a watch of its own: what names a VM may come to the operator before the VM does. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMBackups, proxmoxVMConsoles, proxmoxVMSnapshots } from '../../src/api/meta.ts'
import { makeConsole, consoleNamed, worldWithConsoles } from '../console/consoles.ts'
import { finished, press } from '../manual/buttons.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'

describe('what is created together with its VM', () => {
  let world: TestWorld
  let release: () => void
  beforeAll(async () => {
    world = await worldWithConsoles()
    const held = new Promise<void>((resolve) => (release = resolve))
    world.operator!.wire.beforeWatched = (plural) => (plural === 'proxmoxvms' ? held : undefined)
  })
  afterAll(async () => {
    release()
    await world.stop()
  })
  const named = (kind: string, name: string) =>
    ({
      apiVersion: 'pve.hosting/v1alpha1',
      kind,
      metadata: { name, namespace: world.namespace },
      spec: { vmRef: { name: 'late' } },
    }) as never

  it('waits for it, also where the operator hears of the VM last', async () => {
    await world.apply('late')
    const command = await press(world, 'late', 'Start')
    const console = await makeConsole(world, 'late')
    await world.client.create(proxmoxVMSnapshots, named('ProxmoxVMSnapshot', 'late-snapshot'))
    await world.client.create(proxmoxVMBackups, named('ProxmoxVMBackup', 'late-backup'))

    expect((await finished(world, command)).status?.message).not.toMatch(/There is no ProxmoxVM/)
    await world.untilReady('late')
    const ready = (object: { status?: { conditions?: readonly { type: string; status: string; message: string }[] } } | undefined) =>
      object?.status?.conditions?.find(({ type }) => type === 'Ready')
    const at = (name: string) => ({ namespace: world.namespace, name })
    await until(
      'the snapshot is taken',
      async () => ready(await world.client.get(proxmoxVMSnapshots, at('late-snapshot')))?.status === 'True',
    )
    await until('the backup is made', async () => ready(await world.client.get(proxmoxVMBackups, at('late-backup')))?.status === 'True')
    const seen = await until('the console is judged', async () => {
      const now = await consoleNamed(world, console)
      return now?.status?.phase === undefined ? undefined : now
    })
    expect(JSON.stringify(seen.status)).not.toMatch(/There is no ProxmoxVM/)
    expect(await world.client.get(proxmoxVMConsoles, at(console))).toBeDefined()
  })
})
