/** What the agent inside a guest tells: host name, system, addresses. It takes nothing away from Ready, and a VM without agent is never asked. */
import { capabilityOff } from '../cluster/capabilities.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm-status.ts'
import type { ConfigSeen } from '../ladder/machine.ts'
import { isAgentEnabled } from '../proxmox/agent-option.ts'
import { judge } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import { type ConditionUpdate, fails, holds, withoutConditions } from './conditions.ts'
import { nowIso } from './dependencies.ts'
import type { Pass } from './pass.ts'
import { type Change, judged } from './status.ts'

/** After a look at the configuration: whether there is an agent to ask. One that is only pending is not in the running guest. */
export const noteAgent =
  (config: ConfigSeen | undefined, power: 'running' | 'stopped' | undefined): Change =>
  (status) => {
    if (!config) return status
    const isThere = isAgentEnabled(config.values.agent) && !config.pending.includes('agent')
    if (!isThere) return withoutGuest(status)
    if ((power ?? status.remoteStatus) !== 'running') return guestIsOff(status)
    return status.guest && status.guest.agent !== 'Off' ? status : { ...status, guest: { agent: 'NotAsked' } }
  }

const withoutGuest: Change = ({ guest: _, ...status }) => ({
  ...status,
  ...(status.conditions && { conditions: withoutConditions(status.conditions, ['GuestReady']) }),
})

/** What was true of a guest that ran says nothing of one that is off. */
export const guestIsOff: Change = (status) =>
  status.guest?.agent === 'Off' ? status : { ...withoutGuest(status), guest: { agent: 'Off' } }

/** Asks the agent, if it is this VM's turn (guest-rounds.ts) and it runs. Whatever comes of it, the VM is as it was. */
export async function readGuestIfDue(pass: Pass, cluster: PveCluster): Promise<void> {
  const { draft, memory } = pass
  if (!memory.guest.isDue || draft.status.guest === undefined) return
  memory.guest.isDue = false
  if (capabilityOff(cluster.facts(), 'agent') !== undefined) return
  if (draft.status.remoteStatus !== 'running') return draft.change(guestIsOff)
  const { node = '', vmid = 0 } = draft.status
  try {
    const support = cluster.pve.support({ node, vmid })
    const facts = await support.guest()
    const mayRead = capabilityOff(cluster.facts(), 'cloudinit') === undefined
    const cloudInitErrors = mayRead ? ((await support.cloudInitErrors()) ?? []) : []
    const guest = { agent: 'Answering', ...facts, ...(cloudInitErrors.length > 0 && { cloudInitErrors }) }
    draft.change((status) => ({ ...status, guest }))
    draft.change(judged(draft.vm, nowIso(pass.deps.clock), [guestReady(draft.status)]))
  } catch (fault) {
    if (!(fault instanceof PveError)) throw fault
    noteFault(pass, fault)
  }
}

function noteFault({ draft, deps }: Pass, fault: PveError): void {
  const isSilent = fault.message.includes('QEMU guest agent is not running')
  if (fault.message.includes('No QEMU guest agent configured')) draft.change(withoutGuest)
  else if (isSilent) {
    const told =
      'The guest agent is enabled and does not answer: the guest is still starting, the agent is not installed, or the guest hangs.'
    draft.change((status) => ({ ...status, guest: { agent: 'Silent' } }))
    draft.change(judged(draft.vm, nowIso(deps.clock), [fails('GuestReady', 'AgentSilent', told)]))
  } else deps.log.debug({ vmid: draft.status.vmid }, `the operator could not ask the guest agent: ${judge(fault).message}`)
}

/** What cloud-init says of itself is the cause of whatever else is missing. Pure. */
export function guestReady(status: Pick<ProxmoxVMStatus, 'guest' | 'addresses'>): ConditionUpdate {
  const addresses = addressesInGuest(status)
  const errors = status.guest?.cloudInitErrors ?? []
  if (errors.length === 0) return addresses
  const told = `cloud-init in the guest failed: ${errors.map((error) => error.replace(/[.]$/, '')).join('; ')}.`
  return fails('GuestReady', 'CloudInitFailed', [told, addresses.message].filter(Boolean).join(' '))
}

/** Whether the guest has brought up what it was given; with DHCP any address. One that is being released it need not have. Pure. */
export function addressesInGuest({ guest, addresses: all = [] }: Pick<ProxmoxVMStatus, 'guest' | 'addresses'>): ConditionUpdate {
  const addresses = all.filter(({ state }) => !state)
  const shown = guest?.addresses ?? []
  const missing = addresses.map(({ address }) => address).filter((address) => !shown.includes(address))
  const has = shown.length > 0 ? `it has ${shown.join(', ')}` : 'it has none'
  if (addresses.length === 0 && shown.length === 0)
    return fails('GuestReady', 'GuestAddressMissing', 'The guest has no address from DHCP yet.')
  // The first of each family is configured by cloud-init; further ones are the business of whoever runs the guest.
  const first = addresses.filter(({ family }, at) => addresses.findIndex((other) => other.family === family) === at)
  if (first.some(({ address }) => missing.includes(address)))
    return fails('GuestReady', 'GuestAddressMissing', `The guest has not brought up ${missing.join(', ')}: ${has}.`)
  return holds('GuestReady', 'GuestAnswers', '')
}
