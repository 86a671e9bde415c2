/** Network cards beyond net0 that people had added to a VM that was made again: added to the new one, with their MAC addresses. */
import type { NetworkCard, Want } from '../ladder/machine.ts'
import type { Values } from '../ladder/config-step.ts'
import { done } from '../ladder/outcome.ts'
import { missing, satisfied, type Step } from '../ladder/step.ts'
import { described } from './put-back-firewall.ts'

const nextCard = (now: Values, { furtherCards = [] }: Want): NetworkCard | undefined =>
  furtherCards.find(({ key }) => now[key] === undefined)

export const putBackNetwork: Step = {
  name: 'put_back_network',
  rung: 'set_network',
  needs: 'config',
  check({ config }, want) {
    const card = config && nextCard(config.values, want)
    return card ? missing(described({ put: 'network card', card })) : satisfied
  },
  async apply({ writer, seen: { config }, want }) {
    const card = config && nextCard(config.values, want)
    if (card) await writer.putBack({ put: 'network card', card })
    return done
  },
}
