import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { addressStates, commandPhases } from '../../src/api/other-words.ts'
import { clusterConditions, commandConditions, poolConditions, vmConditions } from '../../src/api/condition-words.ts'
import { events } from '../../src/api/events.ts'
import { localStatuses, phases, statusesBeside } from '../../src/api/words.ts'
import { reasons } from '../../src/api/reasons.ts'
import { reasonsPage } from '../../src/crds/reasons-page.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/reasons.md'), 'utf8')

describe('docs/reasons.md', () => {
  it('is what the words say; make crds writes it', () => {
    expect(page).toBe(reasonsPage())
  })

  it('explains every word', () => {
    const words = [
      localStatuses,
      phases,
      vmConditions,
      poolConditions,
      clusterConditions,
      commandConditions,
      ...[reasons, events, addressStates, commandPhases, statusesBeside].map(Object.keys),
    ].flat()
    expect(words.filter((word) => !page.includes(`| \`${word}\` |`))).toEqual([])
  })
})

describe('the words', () => {
  it('are CamelCase where Kubernetes wants them to be', () => {
    const words = [...vmConditions, ...poolConditions, ...clusterConditions, ...phases, ...Object.keys(reasons), ...Object.keys(events)]
    expect(words.filter((word) => !/^[A-Z][A-Za-z0-9]{1,63}$/.test(word))).toEqual([])
  })

  it('each have a sentence of their own', () => {
    const sentences = Object.values(reasons).map(({ means }) => means)
    expect(sentences.filter((text) => !/^.{10,}\.$/.test(text))).toEqual([])
    expect(sentences.length).toBe(new Set(sentences).size)
  })
})
