import { describe, expect, it } from '@jest/globals'
import { cloudInitErrorsIn } from '../../src/proxmox/cloud-init-result.ts'

const result = (errors: unknown) => JSON.stringify({ v1: { datasource: 'DataSourceNoCloud [seed=/dev/sr0]', errors } })

describe('the result of cloud-init', () => {
  it('has its errors, each on one line and of a bounded length', () => {
    expect(cloudInitErrorsIn(result([]))).toEqual([])
    expect(cloudInitErrorsIn(result(['a\n  b', 'c'.repeat(400)]))).toEqual(['a b', 'c'.repeat(300)])
    expect(cloudInitErrorsIn(result(Array.from({ length: 20 }, String)))).toHaveLength(8)
  })

  it.each([
    ['', 'nothing'],
    ['{', 'half a file'],
    ['{"v1":{}}', 'no list of errors'],
    ['[]', 'another file'],
  ])('is none in %j: %s', (content) => {
    expect(cloudInitErrorsIn(content)).toBeUndefined()
  })
})
