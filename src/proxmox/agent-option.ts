/** The option `agent` of a guest's configuration (pure). */
import { parseProperties } from './property-string.ts'

/** `1`, `enabled=1,fstrim_cloned_disks=1`: the guest has the device through which an agent answers (qemu-server, `agent` format). */
export function isAgentEnabled(option: string | undefined): boolean {
  const enabled = parseProperties(option ?? '').find(({ key }) => key === undefined || key === 'enabled')?.value
  return enabled !== undefined && /^(?:1|on|yes|true)$/i.test(enabled)
}
