/** Which addresses of a status its entries have, and which the guest may merely still use. */
import type { ProxmoxVMStatus } from './proxmoxvm-status.ts'

type Status = Pick<ProxmoxVMStatus, 'addresses'> | undefined

/** Those of spec.addresses, in its order. */
export const addressesInForce = (status: Status): string[] =>
  (status?.addresses ?? []).flatMap(({ address, state }) => (state ? [] : [address]))

/** Those with a state, Releasing: no longer in the spec, and not another's before the guest is started from off. */
export const addressesReleasing = (status: Status): string[] =>
  (status?.addresses ?? []).flatMap(({ address, state }) => (state ? [address] : []))
