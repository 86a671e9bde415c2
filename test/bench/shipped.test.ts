import { describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { shippedNodeOptions } from '../../src/bench/shipped.ts'

describe('the operator that the fleet is measured with', () => {
  it('has the memory flags of the Deployment', async () => {
    expect(await shippedNodeOptions(join(import.meta.dirname, '../..'))).toMatch(/^--max-old-space-size=\d+ --max-semi-space-size=\d+$/)
  })
})
