import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { Board, drawn, boardRowOf } from '../../src/demo/board.ts'

function vm(status: ProxmoxVM['status'], generation = 1): ProxmoxVM {
  return {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVM',
    metadata: { name: 'small', namespace: 'customer-7', generation },
    spec: {
      clusterRef: { name: 'fra1' },
      template: { clone: 'Full' },
      runStrategy: 'Once',
      shutdownTimeout: '60s',
      restartPolicy: 'WhenNeeded',
      deletionPolicy: 'Terminate',
    },
    ...(status && { status }),
  }
}

const condition = (status: 'True' | 'False', message = '') => ({
  type: 'Ready',
  status,
  reason: 'X',
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
})
const climbing = vm({
  localStatus: 'set_network',
  progress: '9/12',
  vmid: 10_000,
  node: 'pve1',
  remoteStatus: 'stopped',
  conditions: [condition('False', 'Waits for a task.')],
})
const ready = vm({ localStatus: 'ready', progress: '12/12', observedGeneration: 1, conditions: [condition('True')] })

function written(isTTY: boolean): { board: Board; text: () => string } {
  const parts: string[] = []
  const screen = { isTTY, columns: 100, write: (text: string) => parts.push(text) }
  return { board: new Board(screen, { colour: false, elapsed: () => '1.0 s' }), text: () => parts.join('') }
}

describe('the board of the demo', () => {
  it('shows how far a VM has come and what it waits for', () => {
    expect(drawn(boardRowOf(climbing), 200, false)).toMatch(
      /· customer-7\/small +━{9}─{3} set_network +stopped .* pve1\/10000 +Waits for a task\.$/,
    )
  })

  it('shows the words of the last failure', () => {
    const failing = vm({ step: { name: 'clone', since: '2026-01-01T00:00:00Z', lastError: 'no space left' } })

    expect(boardRowOf(failing).note).toBe('clone: no space left')
  })

  it('never exceeds the width of the terminal', () => {
    expect(drawn(boardRowOf(climbing), 60, false)).toHaveLength(59)
  })

  it('believes Ready only for the spec as it is now', () => {
    expect(boardRowOf(ready).ready).toBe(true)
    expect(boardRowOf(vm(ready.status, 2)).ready).toBe(false)
  })

  it('says each change once where there is no terminal', () => {
    const { board, text } = written(false)

    board.show([boardRowOf(climbing)])
    board.show([boardRowOf(climbing)])
    board.show([boardRowOf(ready)])

    expect(text().trimEnd().split('\n')).toEqual([
      '[1.0 s] customer-7/small         9/12  set_network  stopped  pve1/10000  Waits for a task.',
      '[1.0 s] customer-7/small         12/12  ready  Ready',
    ])
  })

  it('redraws in place on a terminal', () => {
    const { board, text } = written(true)

    board.show([boardRowOf(climbing)])
    board.show([boardRowOf(ready)])

    expect(text()).toContain('\u001b[2A')
  })
})
