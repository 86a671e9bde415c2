import type { Memory } from '../engine/memory.ts'
import { wait } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { type CommandProgress, endSucceeded, endFailed } from './finish.ts'

/** The track of DNS does it and tells, whenever its servers answer; asked again after a crash it finds nothing to do. */
export function synchroniseDns(pass: CommandPass): CommandProgress {
  const { deps, key, memory } = pass
  const command = pass.command.command.metadata.uid ?? ''
  if (memory.command.dns?.command !== command) {
    const asked: NonNullable<Memory['command']['dns']> = { command }
    memory.command.dns = asked
    void deps.synchroniseDns(key).then((report) => (asked.report = report))
  }
  const { report } = memory.command.dns
  if (!report) return wait('CommandRunning', 'The operator synchronises the DNS records.', 500)
  return report.ok ? endSucceeded(pass, `${report.message}.`) : endFailed(pass, 'CommandFailed', `${report.message}.`)
}
