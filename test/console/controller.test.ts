import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, proxmoxVMConsoles, secrets } from '../../src/api/meta.ts'
import { hashOf, parseLink } from '../../src/console/key.ts'
import { keptAfterEndMs } from '../../src/console/controller.ts'
import { kstatus, standingOf } from '../integrations/kstatus.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'
import {
  consoleNamed,
  makeConsole,
  setConsole,
  setLogin,
  untilPhase,
  urlOf,
  verdictOf,
  viewerToken,
  viewerUser,
  worldWithConsoles,
} from './consoles.ts'

describe('a ProxmoxVMConsole', () => {
  let world: TestWorld
  const url = 'https://console.example.com'
  const secretOf = (name: string) => world.client.get(secrets, { namespace: world.namespace, name: `${name}-console` })

  beforeAll(async () => {
    world = await worldWithConsoles(url)
    await world.born('shop')
  })
  afterAll(() => world.stop())

  it('gets a URL in a Secret of its own, of which the status keeps only the hash', async () => {
    const name = await makeConsole(world, 'shop')
    const shown = await urlOf(world, name)
    expect(shown.startsWith(`${url}/#${world.namespace}/${name}/`)).toBe(true)
    const key = parseLink(new URL(shown).hash)?.key ?? ''
    const { status, metadata } = (await consoleNamed(world, name))!
    expect(status).toMatchObject({ phase: 'Waiting', keyHash: hashOf(key), secretRef: { name: `${name}-console` } })
    expect(JSON.stringify(status)).not.toContain(key)
    expect((await secretOf(name))?.metadata.ownerReferences).toMatchObject([{ kind: 'ProxmoxVMConsole', name, uid: metadata.uid }])
    const waitsMs = Date.parse(status?.openBefore ?? '') - Date.parse(metadata.creationTimestamp ?? '')
    expect(waitsMs / 1000).toBeGreaterThanOrEqual(59)
  })

  it('is Ready by the rules of kstatus when its URL can be opened', async () => {
    const name = await makeConsole(world, 'shop')
    await untilPhase(world, name, 'Waiting')
    const console = (await consoleNamed(world, name))!
    expect([kstatus(console), standingOf(console)]).toEqual(['Current', ['Ready']])
  })

  it('that nobody opens ends after ttl.open, its Secret at once, itself some minutes later', async () => {
    const name = await makeConsole(world, 'shop', { ttl: { open: '90s', stay: '1h' } })
    await urlOf(world, name)
    world.clock.skip(91_000)
    expect(await verdictOf(world, name)).toBe('Ended/ConsoleEnded: Nobody opened the URL in time.')
    expect(await secretOf(name)).toBeUndefined()
    world.clock.skip(keptAfterEndMs + 1000)
    await until('it is deleted', async () => (await consoleNamed(world, name)) === undefined)
  })

  it('that is deleted takes its Secret along', async () => {
    const name = await makeConsole(world, 'shop')
    await urlOf(world, name)
    await world.client.delete(proxmoxVMConsoles, { namespace: world.namespace, name })
    await until('the Secret is gone', async () => (await secretOf(name)) === undefined)
  })

  it('cannot be changed', async () => {
    const name = await makeConsole(world, 'shop')
    const edit = world.client.mergePatch(proxmoxVMConsoles, { namespace: world.namespace, name }, { spec: { readOnly: true } })
    await expect(edit).rejects.toThrow('a console cannot be changed; make another ProxmoxVMConsole')
  })

  it.each([
    [{ open: '11m', stay: '1h' }, 'write a duration from 1s to 10m, such as 60s'],
    [{ open: '60s', stay: '13h' }, 'write a duration from 1s to 12h, such as 2h'],
    [{ open: '0s', stay: '1h' }, 'write a duration from 1s to 10m, such as 60s'],
  ])('takes no ttl %j', async (ttl, sentence) => {
    await expect(makeConsole(world, 'shop', { ttl })).rejects.toThrow(sentence)
  })

  describe('is refused', () => {
    it('for a VM that is not there', async () => {
      expect(await verdictOf(world, await makeConsole(world, 'nobody'))).toBe(
        'Refused/VMNotFound: There is no ProxmoxVM "nobody" in this namespace.',
      )
    })

    it('for a VM that is off', async () => {
      await world.born('dark', { runStrategy: 'Halted' })
      const name = await makeConsole(world, 'dark')
      expect(await verdictOf(world, name)).toBe('Refused/PreconditionFailed: The VM is off; start it, then create another console.')
      expect(await secretOf(name)).toBeUndefined()
    })

    it('for a guest that does not carry our mark', async () => {
      const vm = await world.born('painted')
      world.guestOf(vm).config.set('description', 'mine now')
      expect(await verdictOf(world, await makeConsole(world, 'painted'))).toMatch(/^Refused\/VMForeign: /)
    })

    it('where the credentials lack VM.Console, with the path to grant it on', async () => {
      const { access } = world.simulator.world
      access.revoke({ path: '/vms', type: 'token', ugid: viewerToken.tokenID, roleid: 'ConsoleOnly' })
      try {
        const vmid = (await world.vm('shop'))?.status?.vmid
        expect(await verdictOf(world, await makeConsole(world, 'shop'))).toBe(
          `Refused/ConsoleDenied: The credentials for consoles lack VM.Console on /vms/${vmid}; an admin must grant it.`,
        )
      } finally {
        access.grant({ path: '/vms', type: 'token', ugid: viewerToken.tokenID, roleid: 'ConsoleOnly', propagate: true })
      }
    })

    it('for a serial port with a token, which PVE does not take, and for a VM without one', async () => {
      expect(await verdictOf(world, await makeConsole(world, 'shop', { display: 'Serial' }))).toMatch(
        /^Refused\/(NoSerialPort|ConsoleDenied): /,
      )
      world.guestOf((await world.vm('shop'))!).config.set('serial0', 'socket')
      expect(await verdictOf(world, await makeConsole(world, 'shop', { display: 'Serial' }))).toMatch(
        /^Refused\/ConsoleDenied: PVE does not accept API tokens/,
      )
      await setLogin(world, viewerUser)
      await urlOf(world, await makeConsole(world, 'shop', { display: 'Serial' }))
      world.guestOf((await world.vm('shop'))!).config.delete('serial0')
      expect(await verdictOf(world, await makeConsole(world, 'shop', { display: 'Serial' }))).toBe(
        'Refused/NoSerialPort: The VM has no serial port serial0; create a console with display: Screen.',
      )
      await setLogin(world, viewerToken)
    })

    it('where the Secret of spec.console holds nothing of use, without a word of what it holds', async () => {
      await setLogin(world, { tokenID: 'no token', tokenSecret: 'x y' })
      expect(await verdictOf(world, await makeConsole(world, 'shop'))).toBe(
        `Refused/CredentialsNotFound: Secret ${world.namespace}/console-login has neither tokenID and tokenSecret nor username and password, as PVE writes them; an admin must correct it.`,
      )
      await setLogin(world, viewerToken)
    })

    it('where spec.console names the Secret of the operator, whose token the broker must not have', async () => {
      const patch = { spec: { console: { credentialsSecretRef: { name: 'token' } } } }
      await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, patch)
      const seen = () => world.operator?.operator.stores.clusters.get(world.cluster)?.spec.console?.credentialsSecretRef.name
      await until('the operator has seen it', () => seen() === 'token')
      const verdict = await verdictOf(world, await makeConsole(world, 'shop'))
      expect(verdict).toMatch(/^Refused\/CredentialsNotFound: spec.console of .* names the Secret with the token of the operator/)
      await setConsole(world, { url })
      await until('the operator has seen it', () => seen() === 'console-login')
    })

    it("where a Secret of its name is somebody else's, which stays as it is", async () => {
      const metadata = { namespace: world.namespace, name: 'taken-console' }
      await world.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { mine: 'yes' } })
      await world.client.create(proxmoxVMConsoles, {
        apiVersion: 'pve.hosting/v1alpha1',
        kind: 'ProxmoxVMConsole',
        metadata: { namespace: world.namespace, name: 'taken' },
        spec: { vmRef: { name: 'shop' } },
      })
      expect(await verdictOf(world, 'taken')).toMatch(/^Refused\/SecretConflict: Secret "taken-console" exists/)
      expect(Object.keys((await world.client.get(secrets, metadata))?.data ?? {})).toEqual(['mine'])
    })

    it('while the cluster has no spec.console', async () => {
      await setConsole(world, undefined)
      await until('the operator has seen it', () => world.operator?.operator.stores.clusters.get(world.cluster)?.spec.console === undefined)
      expect(await verdictOf(world, await makeConsole(world, 'shop'))).toMatch(/^Refused\/ConsolesOff: /)
      await setConsole(world, { url })
      await until('the operator has seen it', () => world.operator?.operator.stores.clusters.get(world.cluster)?.spec.console)
    })
  })

  it('of a suspended VM is refused, and one that waits ends, unless the cluster allows it', async () => {
    await world.born('debtor')
    const before = await makeConsole(world, 'debtor')
    await urlOf(world, before)
    await world.edit('debtor', { spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    expect(await verdictOf(world, before)).toBe(
      'Ended/Suspended: The VM is suspended by billing (unpaid); there is no console until the last suspension is removed.',
    )
    expect(await verdictOf(world, await makeConsole(world, 'debtor'))).toMatch(/^Refused\/Suspended: /)
    await setConsole(world, { url, allowSuspended: true })
    await until('the operator has seen it', () => world.operator?.operator.stores.clusters.get(world.cluster)?.spec.console?.allowSuspended)
    await world.untilCondition('debtor', 'Suspended', 'True')
    await until('it is off', async () => (await world.vm('debtor'))?.status?.remoteStatus === 'stopped')
    expect(await verdictOf(world, await makeConsole(world, 'debtor'))).toMatch(/^Refused\/PreconditionFailed: /)
    await setConsole(world, { url })
  })

  it('goes with its VM, and its Secret too', async () => {
    await world.born('leaving')
    const name = await makeConsole(world, 'leaving')
    await urlOf(world, name)
    await world.delete('leaving')
    await world.untilGone('leaving')
    await until('it is gone', async () => (await consoleNamed(world, name)) === undefined)
    expect(await secretOf(name)).toBeUndefined()
  })

  it('waits while PVE cannot be asked, and is judged when it can', async () => {
    const { faults } = world.simulator
    const plan = faults.plan.bind(faults)
    let isAway = true
    faults.plan = (info) => (info.userid === viewerToken.tokenID && isAway ? { drop: 'before' } : plan(info))
    const name = await makeConsole(world, 'shop')
    const waiting = await untilPhase(world, name, 'Pending')
    expect([kstatus(waiting), standingOf(waiting)]).toEqual(['InProgress', ['Reconciling']])
    isAway = false
    world.clock.skip(5000)
    await urlOf(world, name)
  })
})
