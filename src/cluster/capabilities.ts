/** What the token of a cluster makes impossible, beyond what every VM needs (pure). */
import type { ClusterFacts } from './facts.ts'
import type { Capability, MissingPrivilege } from './privileges.ts'

/** Why a request that needs it is refused; undefined: the token has what it takes, or PVE has not been asked. */
export function capabilityOff(facts: Pick<ClusterFacts, 'missingOptional'> | undefined, capability: Capability): string | undefined {
  const missing = (facts?.missingOptional ?? []).filter((row) => row.capability === capability)
  return missing.length === 0 ? undefined : sentenceOf(missing)
}

/** One entry a capability that is off, for the status. */
export function capabilitiesOff({ missingOptional }: Pick<ClusterFacts, 'missingOptional'>): { name: string; message: string }[] {
  const names = new Set(missingOptional.map(({ capability }) => capability))
  return [...names].flatMap((capability) => {
    const message = capability && capabilityOff({ missingOptional }, capability)
    return message ? [{ name: capability, message }] : []
  })
}

const sentenceOf = (missing: readonly MissingPrivilege[]): string => {
  const named = missing.map(({ privilege, path }) => `${privilege} on ${path}`).join(' and ')
  return `The token lacks ${named}, which is needed to ${missing[0]?.neededFor}; grant it (pve-operator role --with ${missing[0]?.capability}).`
}
