import { expect, it } from '@jest/globals'
import { failedSentence } from '../../src/engine/failure-sentence.ts'

it('a failure says what failed once, whether or not the words of PVE begin with it', () => {
  expect(failedSentence('start', 'start failed: QEMU exited with code 1')).toBe('start failed: QEMU exited with code 1')
  expect(failedSentence('start', "bridge 'vmbr9' does not exist")).toBe("start failed: bridge 'vmbr9' does not exist")
})
