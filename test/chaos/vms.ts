// What the VMs of a round are like, by their number, and at which of them a moment shows.
import type { AdminAction, UserAction } from './history.ts'

export type Fits = (vm: number) => boolean

/** runStrategy Always: a Stop is refused. */
export const isAlwaysOn: Fits = (vm) => vm % 5 === 4
/** restartPolicy Manual. */
export const isManual: Fits = (vm) => vm % 3 === 1

/** A Stop is allowed. */
export const isSwitchable: Fits = (vm) => !isAlwaysOn(vm)
/** Its change of package switches it off and on again, and a Stop comes in between. */
export const isRestarted: Fits = (vm) => isSwitchable(vm) && !isManual(vm)

/** At others it is refused, or done before anybody could see a mistake: a guest that is restarted at once leaves its addresses at once. */
export const showsAt: Readonly<Partial<Record<UserAction | AdminAction, Fits>>> = {
  Stop: isSwitchable,
  Shutdown: isSwitchable,
  changeAddress: isManual,
}
