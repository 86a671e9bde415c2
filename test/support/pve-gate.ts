import type { FaultPlan, CallInfo } from '../../src/simulator/plug.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import type { Wire, Write } from './wire.ts'

/** Lets the wire of the operator that runs now decide over each request the simulator gets, ahead of the scripted faults. */
export function guardPve(simulator: Simulator, wire: () => Wire | undefined): void {
  const { faults } = simulator
  const scripted = faults.plan.bind(faults)
  faults.plan = (info): FaultPlan | undefined => {
    const fate = wire()?.fate(writeOf(info)) ?? 'pass'
    if (fate === 'pass') return scripted(info)
    return { drop: fate === 'lost before' ? 'before' : 'after' }
  }
}

function writeOf({ method, template, params }: CallInfo): Write | undefined {
  if (method === 'GET') return undefined
  const vmid = Number(template.endsWith('/clone') ? params['newid'] : params['vmid'])
  return { to: 'pve', what: `${method} ${template}`, ...(vmid > 0 && { vmid }) }
}
