import { missing, satisfied, type Step } from '../ladder/step.ts'
import { hasCloudInitDrive } from '../proxmox/property-string.ts'
import { waitForTask } from '../ladder/outcome.ts'

/**
 * A change of package that PVE does not take live: the VM is switched off, PVE applies what is pending, and the last step starts it again.
 * Drift never gets here: nobody asked to stop a VM for it.
 */
export const stopForChange: Step = {
  name: 'stop',
  rung: 'ready',
  needs: 'power',
  check(seen, want) {
    const pending = (seen.config?.pending ?? []).filter((key) => !want.waitingKeys.includes(key))
    // Without a drive the guest would not learn them from a start either.
    const isTold = want.guestLacksAddresses && hasCloudInitDrive(seen.config?.values ?? {})
    const reasons = isTold ? [...pending, 'its new addresses'] : pending
    // What PVE could not apply at a stop stays pending on a VM that is off; another shutdown would not help.
    return want.mayStop && reasons.length > 0 && seen.power === 'running'
      ? missing(`the VM must be off for ${reasons.join(', ')}`)
      : satisfied
  },
  apply: async ({ writer }) => waitForTask(await writer.shutdown(), 'The operator shuts the VM down for the change.'),
}

/** A suspended or halted VM is off before anything else is looked at. */
export const powerOff: Step = {
  name: 'power_off',
  rung: 'ready',
  needs: 'power',
  check: (seen, want) =>
    want.power === 'stopped' && seen.power !== 'stopped' ? missing(`power ${seen.power ?? 'unknown'} → stopped`) : satisfied,
  apply: async ({ writer }) => waitForTask(await writer.shutdown(), 'The operator shuts the VM down.'),
}

/** The last rung: power as runStrategy wants it. A VM under Once is started a single time in its life. */
export const power: Step = {
  name: 'start',
  rung: 'ready',
  needs: 'power',
  check(seen, want) {
    if (want.power === 'left-alone') return satisfied
    const wanted = want.power === 'stopped' ? 'stopped' : 'running'
    return seen.power === wanted ? satisfied : missing(`power ${seen.power ?? 'unknown'} → ${wanted}`)
  },
  async apply({ writer, want }) {
    if (want.power === 'stopped') return waitForTask(await writer.shutdown(), 'The operator shuts the VM down.')
    return waitForTask(await writer.start(), 'The operator starts the VM.')
  },
}
