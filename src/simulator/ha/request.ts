// What calls about a managed guest become: a task that hands the wish over and ends at once (PVE::API2::Qemu).
import { begin } from '../guests/guest-task.ts'
import { refuse } from '../http/refusal.ts'
import type { Call } from '../routes.ts'
import { invalidMove } from './sid.ts'

/** `hastart`: the wish goes into resources.cfg; the manager starts the guest later, maybe elsewhere. */
export function requestStart(call: Call): string {
  const { ha } = call.world
  const sid = `vm:${call.vmid}`
  return begin(call, 'hastart', async (worker) => {
    worker.log(`Requesting HA start for VM ${call.vmid}`)
    failsInError(call, sid, `ha-manager set ${sid} --state started`, (line) => worker.log(line))
    const resource = ha.resources.get(sid)
    if (resource) resource.state = 'started'
  })
}

/** `hastop`: with 0 seconds the guest is cut, else it is asked first. */
export function requestStop(call: Call, seconds: number): string {
  const sid = `vm:${call.vmid}`
  return begin(call, 'hastop', async (worker) => {
    worker.log(`Requesting HA stop for VM ${call.vmid}`)
    failsInError(call, sid, `ha-manager crm-command stop ${sid} ${seconds}`, (line) => worker.log(line))
    call.world.ha.commands.push(`stop ${sid} ${seconds}`)
  })
}

/** `hamigrate`. */
export function requestMigration(call: Call, target: string): string {
  const sid = `vm:${call.vmid}`
  return begin(call, 'hamigrate', async (worker) => {
    worker.log(`Requesting HA migration for VM ${call.vmid} to node ${target}`)
    failsInError(call, sid, `ha-manager migrate ${sid} ${target}`, (line) => worker.log(line))
    call.world.ha.commands.push(`migrate ${sid} ${target}`)
  })
}

/** A program that dies in a task leaves its text in the log and its exit code in the task. */
function failsInError(call: Call, sid: string, command: string, log: (line: string) => void): void {
  if (!call.world.ha.isInError(sid)) return
  log(invalidMove(sid))
  refuse(`command '${command}' failed: exit code 255`)
}
