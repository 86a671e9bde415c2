import type { Want } from '../ladder/machine.ts'
import { configStep, difference, type Values } from '../ladder/config-step.ts'

/** Every cloud-init key we own. One that is not wanted is removed: a template must not hand its user, password or keys to a customer. */
const ownKeys = ['ciuser', 'cipassword', 'ciupgrade', 'sshkeys', 'ipconfig0', 'nameserver', 'searchdomain'] as const

/** A template's address for another NIC would be used twice. */
const foreignIpConfig = /^ipconfig[1-9]\d*$/

export const setCloudInit = configStep({
  name: 'set_cloudinit',
  rung: 'set_cloudinit',
  change(now, want) {
    const own = ownKeys.filter((key) => !isWindowsLogin(key, now, want)).map((key) => [key, want.cloudInit[key]] as const)
    const handedOn = want.fresh ? Object.keys(now).filter((key) => foreignIpConfig.test(key)) : []
    const wanted = Object.fromEntries([...own, ...handedOn.map((key) => [key, undefined] as const)])
    return difference({ ...now, ...passwordSeen(now, want) }, { ...wanted, cicustom: vendorOnly(now.cicustom) })
  },
})

/** The login of a Windows image stands in its template (cloudbase-init makes another one without); Linux images bring their own. */
const isWindowsLogin = (key: string, now: Values, want: Want) =>
  key === 'ciuser' && want.cloudInit[key] === undefined && (now.ostype ?? '').startsWith('w')

/** Snippets for user, network and meta replace everything that is set here; vendor data only adds to it (cloud-init, `merging`). */
function vendorOnly(cicustom: string | undefined): string | undefined {
  return cicustom?.split(',').find((part) => part.startsWith('vendor='))
}

/** PVE never tells a password; the one in force is known by the version of the Secret that we noted when we sent it. */
function passwordSeen(now: Values, want: Want): Values {
  const inForce = now.cipassword !== undefined && want.passwordVersion !== undefined && want.passwordInForce === want.passwordVersion
  return inForce && want.cloudInit.cipassword !== undefined ? { cipassword: want.cloudInit.cipassword } : {}
}
