import { type Capability, capabilities } from './privileges.ts'

/** `backup,migrate` → the capabilities; throws on a word that is none. */
export const capabilityList = (text: string): Capability[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
    .map((word) => {
      if (word in capabilities) return word as Capability
      throw new Error(`"${word}" is not a capability; choose from ${Object.keys(capabilities).join(', ')}`)
    })
