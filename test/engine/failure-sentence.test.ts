import { describe, expect, it } from '@jest/globals'
import { bridgeSentence, failedSentence } from '../../src/engine/failure-sentence.ts'

it('a failure says what failed once, whether or not the words of PVE begin with it', () => {
  expect(failedSentence('start', 'start failed: QEMU exited with code 1')).toBe('start failed: QEMU exited with code 1')
  expect(failedSentence('start', "bridge 'vmbr9' does not exist")).toBe("start failed: bridge 'vmbr9' does not exist")
})

describe('a start that lacks a bridge', () => {
  const words = "bridge 'vmbr9' does not exist"
  const status = { vmid: 20016, node: 'ams1', package: { network: { bridge: 'vmbr9' } } }
  const told = (spec: object, more: object = status) => bridgeSentence({ spec, status: more } as never, words)

  it('names VM, node, bridge, and the field that says so', () => {
    const sentence = 'VM 20016 does not start on ams1: that node has no bridge vmbr9'
    expect(told({ packageRef: { name: 'badbridge' } })).toBe(`${sentence} (package badbridge, network.bridge)`)
    expect(told({ package: { network: { bridge: 'vmbr9' } } })).toBe(`${sentence} (spec.package.network.bridge)`)
    expect(told({}, { vmid: 20016, node: 'ams1' })).toBe(`${sentence} (of its pool or template)`)
  })

  it('is told from any other failure', () => {
    expect(bridgeSentence({ spec: {}, status } as never, 'start failed: QEMU exited with code 1')).toBeUndefined()
  })
})
