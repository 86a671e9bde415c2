// Routes of PVE that mishaps strike: of all requests, and of those that each action of a user leads to.
import type { UserAction } from './history.ts'

const vm = '/nodes/{node}/qemu/{vmid}'
export const clone = `POST ${vm}/clone`
const config = `POST ${vm}/config`
const resize = `PUT ${vm}/resize`
const start = `POST ${vm}/status/start`
const stop = `POST ${vm}/status/stop`
const shutdown = `POST ${vm}/status/shutdown`
const snapshot = `POST ${vm}/snapshot`
const deleteSnapshot = `DELETE ${vm}/snapshot/{snapname}`
const rollback = `POST ${vm}/snapshot/{snapname}/rollback`
const backup = 'POST /nodes/{node}/vzdump'
const restore = 'POST /nodes/{node}/qemu'
export const reboot = `POST ${vm}/status/reboot`
export const destroy = `DELETE ${vm}`

/** Requests that start a task. */
export const taskRoutes: readonly string[] = [
  clone,
  clone,
  config,
  resize,
  start,
  stop,
  shutdown,
  reboot,
  snapshot,
  deleteSnapshot,
  rollback,
  backup,
  restore,
  destroy,
]
/** Requests that PVE may answer well without an effect that shows. What only its task tells of, such as a destroy, is none. */
export const silentRoutes: readonly string[] = [config, resize]
export const otherRoutes: readonly string[] = [
  `POST ${vm}/firewall/rules`,
  `PUT ${vm}/firewall/options`,
  `POST ${vm}/firewall/ipset/{name}`,
  `GET ${vm}/config`,
  `GET ${vm}/status/current`,
]

/** What the operator sends for it. Absent: nothing that could be struck. */
export const routesOf: Partial<Record<UserAction, readonly string[]>> = {
  create: [clone, clone, config, resize, start],
  delete: [stop, destroy, destroy],
  deleteByRemove: [destroy],
  suspend: [shutdown],
  unsuspend: [start],
  changeLive: [config],
  rename: [config],
  changeCold: [config, shutdown, start],
  growDisk: [resize],
  changeAddress: [config, shutdown, start],
  reinstall: [stop, destroy, clone, config, start],
  Reinstall: [stop, destroy, clone, config, start],
  Start: [start],
  Stop: [stop],
  Shutdown: [shutdown],
  Reboot: [reboot],
  Remove: [destroy],
  Clone: [clone],
  ChangePackage: [config, shutdown, start],
  snapshot: [snapshot],
  deleteSnapshot: [deleteSnapshot],
  rollback: [rollback, start],
  makeBackup: [backup],
  restore: [restore],
}
