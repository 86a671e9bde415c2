// What the oracle knows of a guest's power: each process counts, also one that begins and ends between two looks, and nothing else does.
import { describe, expect, it } from '@jest/globals'
import type { CommandName, ProxmoxVMCommand } from '../../src/api/proxmoxvmcommand.ts'
import { Guest } from '../../src/simulator/guests/guest.ts'
import { newProcess } from '../../src/simulator/guests/process.ts'
import { GuestLives } from './invariants/lives.ts'

const vmid = 10_000

/** A guest that the oracle has seen off. */
class Stage {
  readonly lives = new GuestLives()
  guest = new Guest(vmid, 'pve1')
  #pid = 100

  constructor() {
    this.look()
  }

  look = (): void => this.lives.look([this.guest])

  begin(): void {
    this.guest.process = newProcess(this.guest, { pid: ++this.#pid, nowMs: 0, agentMs: 0, inside: undefined })
  }

  end(): void {
    this.guest.process = undefined
  }

  /** It goes on in another process, on another node. */
  migrate(): void {
    if (this.guest.process) this.guest.process = { ...this.guest.process, pid: ++this.#pid }
  }

  destroy(): void {
    this.lives.look([])
  }

  /** Destroyed and made again under its VMID. */
  replace(): void {
    this.guest = new Guest(vmid, 'pve1')
  }

  /** What the oracle says of a command that was asked for, and that says Succeeded after `happens` and one more look. */
  judged(command: CommandName, happens: () => void): string | undefined {
    const askedMs = performance.now()
    happens()
    this.look()
    return this.lives.untruth(named(command), vmid, askedMs)
  }
}

const named = (command: CommandName): ProxmoxVMCommand => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'ProxmoxVMCommand',
  metadata: { name: command.toLowerCase() },
  spec: { vmRef: { name: 'vm-0' }, command },
})

describe('a command that says Succeeded is true', () => {
  it('when a Start was undone by an admin before anybody looked', () => {
    const stage = new Stage()
    const told = stage.judged('Start', () => {
      stage.begin()
      stage.end()
    })
    expect(told).toBeUndefined()
  })

  it('when the new process of a Reboot ended before anybody looked', () => {
    const stage = new Stage()
    stage.begin()
    stage.look()
    const told = stage.judged('Reboot', () => {
      stage.end()
      stage.begin()
      stage.end()
    })
    expect(told).toBeUndefined()
  })

  it.each(['Stop', 'Shutdown'] as const)('when the VM was started again after a %s before anybody looked', (command) => {
    const stage = new Stage()
    stage.begin()
    stage.look()
    const told = stage.judged(command, () => {
      stage.end()
      stage.begin()
    })
    expect(told).toBeUndefined()
  })

  it('when the VM was made again after a Remove before anybody looked', () => {
    const stage = new Stage()
    expect(stage.judged('Remove', () => stage.replace())).toBeUndefined()
  })
})

describe('a command that says Succeeded is untrue', () => {
  it('when no process began after a Start', () => {
    const stage = new Stage()
    // Before it was asked for.
    stage.begin()
    stage.look()
    stage.end()
    expect(stage.judged('Start', () => undefined)).toContain('start Succeeded, and VMID 10000 was never running since it was asked for')
  })

  it('when a process between two looks was over before a Start was asked for', () => {
    const stage = new Stage()
    stage.begin()
    stage.end()
    expect(stage.judged('Start', () => undefined)).toContain('was never running since')
  })

  it('when the only process of a Reboot is the one before it', () => {
    const stage = new Stage()
    stage.begin()
    stage.look()
    expect(stage.judged('Reboot', () => undefined)).toContain('was never in a new process since')
    expect(stage.judged('Reboot', () => stage.end())).toContain('was never in a new process since')
  })

  it.each(['Stop', 'Shutdown'] as const)('when the VM only went to another node after a %s', (command) => {
    const stage = new Stage()
    stage.begin()
    stage.look()
    expect(stage.judged(command, () => stage.migrate())).toContain('was never off since')
  })

  it('when the VM stayed after a Remove, and when none came after a Clone', () => {
    const stage = new Stage()
    expect(stage.judged('Remove', () => undefined)).toContain('was never gone since')
    stage.destroy()
    const askedMs = performance.now()
    stage.destroy()
    expect(stage.lives.untruth(named('Clone'), vmid, askedMs)).toContain('was never there since')
  })
})
