import { describe, expect, it } from '@jest/globals'
import { keptFiles, readSources } from '../house/sources.ts'

/** fluxcd/pkg ssa, PatchReplaceFieldsManagers, as kustomize-controller calls it: a suspension taken over is a suspension dropped. */
describe('a field manager of ours', () => {
  it('is none of those whose fields Flux takes over: its prefixes are kubectl and before-first-apply', () => {
    const programs = readSources(keptFiles().filter((path) => /^(?:src|examples)\/.*\.ts$/.test(path)))
    const names = programs.flatMap(({ lines }) =>
      lines.flatMap((line) => /(?:[mM]anager(?:Of)?\b\s*[=:]|fieldManager: ).*?['`]([\w-]+)/.exec(line)?.[1] ?? []),
    )
    expect(names).toEqual(expect.arrayContaining(['pve-operator', 'billing-bridge-suspension']))
    expect(names.filter((each) => /^(?:kubectl|before-first-apply)/.test(each))).toEqual([])
  })
})
