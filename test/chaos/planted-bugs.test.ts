// The planted bugs are edits of sources that move on: each must still fit, or `make chaos-planted` tries less than it says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { plantedBugs } from './planted-bugs.ts'

const root = join(import.meta.dirname, '../..')

it('each planted bug fits the sources: what it replaces stands there exactly once', () => {
  const misfits = plantedBugs.flatMap(({ what, also = [], ...first }) =>
    [first, ...also]
      .filter(({ file, from }) => readFileSync(join(root, file), 'utf8').split(from).length !== 2)
      .map(({ file, from }) => `${what}: ${file} does not have this exactly once: ${from}`),
  )
  expect(misfits).toEqual([])
})
