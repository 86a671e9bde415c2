/** The files of the WHMCS module as they are shipped: its sources and, in lib/words.json, the operator's own words. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { clerksWords } from '../../examples/billing-bridge/clerks-words.ts'
import { commands, type CommandFacts } from '../api/proxmoxvmcommand.ts'
import { localStatuses } from '../api/words.ts'

const home = join(import.meta.dirname, '../..')
const sources = join(home, 'integrations/whmcs')
const module = 'modules/servers/pveoperator'

/** Path below the folder of WHMCS → content. */
export function whmcsFiles(): Map<string, Buffer> {
  const found = readdirSync(sources, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const files = new Map(
    found.map((entry) => [join(entry.parentPath, entry.name).slice(sources.length + 1), readFileSync(join(entry.parentPath, entry.name))]),
  )
  files.set(`${module}/lib/words.json`, Buffer.from(`${JSON.stringify(words(), null, 2)}\n`))
  for (const name of ['LICENSE', 'NOTICE']) files.set(`${module}/${name}`, readFileSync(join(home, name)))
  return files
}

function words(): object {
  const buttons = Object.entries<CommandFacts>(commands).map(([name, { mark = '', leadsTo = '', needs, does }]) => [
    name,
    { label: labelOf(name), mark, leadsTo, needs, does },
  ])
  return { reasons: clerksWords, ladder: localStatuses, commands: Object.fromEntries(buttons) as object }
}

/** Where the words of a button are not those of its name. */
const labels: Readonly<Record<string, string>> = {
  Shutdown: 'Shut down',
  SetDedicatedIP: 'Set dedicated IP',
  SetCPURAM: 'Set CPU and RAM',
  SetCloudInit: 'Set cloud-init',
  SetDNSRecords: 'Set DNS records',
}

/** `SetSystemDiskSize` → `Set system disk size`. */
function labelOf(command: string): string {
  const spaced = command.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
  return labels[command] ?? spaced.charAt(0).toUpperCase() + spaced.slice(1)
}
