import type { Want } from '../engine/machine.ts'
import { configStep, difference, type Values } from './config-step.ts'

/** Every cloud-init key we own. One that is not wanted is removed: a template must not hand its user, password or keys to a customer. */
const ownKeys = ['ciuser', 'cipassword', 'ciupgrade', 'sshkeys', 'ipconfig0', 'nameserver', 'searchdomain'] as const

export const setCloudInit = configStep({
  name: 'set_cloudinit',
  rung: 'set_cloudinit',
  change(now, want) {
    const wanted = Object.fromEntries(ownKeys.map((key) => [key, want.cloudInit[key]]))
    return difference({ ...now, ...passwordSeen(now, want) }, wanted)
  },
})

/** PVE never tells a password; the one in force is known by the version of the Secret that we noted when we sent it. */
function passwordSeen(now: Values, want: Want): Values {
  const inForce = now.cipassword !== undefined && want.passwordVersion !== undefined && want.passwordInForce === want.passwordVersion
  return inForce && want.cloudInit.cipassword !== undefined ? { cipassword: want.cloudInit.cipassword } : {}
}
