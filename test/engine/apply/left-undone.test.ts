import { describe, expect, it } from '@jest/globals'
import { outdated } from '../../../src/engine/apply/left-undone.ts'

const source = { name: 's', generation: 1, spec: {} }
const edited = (now: number) =>
  `VMPackage s was edited since this VM took it (generation 1, now ${now}): \`kubectl pve plan\` shows what would change, \`kubectl pve change-package\` applies it.`
const kept = 'Disk data (scsi1) is no longer in the package and was kept.'
const all = 'All else is applied.'
const said = (status: 'True' | 'False', reason: string, message: string) => ({ status, reason, message })

describe('an edit of the VMPackage', () => {
  it.each([
    ['of a VM with nothing left undone', said('True', 'Succeeded', ''), 'PackageOutdated', `${edited(2)} ${all}`],
    ['beside a kept disk', said('False', 'DiskKept', `${kept} ${all}`), 'DiskKept', `${edited(2)} ${kept} ${all}`],
    ['after another edit', said('False', 'DiskKept', `${edited(3)} ${kept} ${all}`), 'DiskKept', `${edited(2)} ${kept} ${all}`],
    ['after another edit alone', said('False', 'PackageOutdated', `${edited(3)} ${all}`), 'PackageOutdated', `${edited(2)} ${all}`],
    ['beside what waits for a start', said('True', 'Succeeded', 'Waits: cores.'), 'PackageOutdated', `${edited(2)} Waits: cores. ${all}`],
  ])('%s is told and hides nothing', (_claim, before, reason, message) => {
    expect(outdated(before, source, 2)).toEqual({ type: 'PackageApplied', status: 'False', reason, message })
  })

  it('is told once, and not over a change that is under way', () => {
    expect(outdated(said('False', 'PackageOutdated', `${edited(2)} ${all}`), source, 2)).toBeUndefined()
    expect(outdated(said('False', 'ChangingPackage', 'cores 1 → 2.'), source, 2)).toBeUndefined()
  })
})
