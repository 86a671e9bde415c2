import { coreEvents } from '../api/meta.ts'
import { unlessForbidden } from './forbidden.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { reportOf, type Rung, type StatusReport } from './status-report.ts'
import { spell, table } from './table.ts'

/** As many as fit on a screen beside the ladder. */
const mostEvents = 12
const mostHistory = 6

export async function showStatus(session: Session, name: string, o: { output?: 'json' }): Promise<void> {
  const vm = await mustGetVM(session, name)
  const report = reportOf(vm, await eventsOf(session, vm.metadata.uid ?? ''), session.shell.clock.now())
  if (o.output) printJson(session, report)
  else session.shell.out(page(report))
}

/** Undefined: the caller may not read them. */
const eventsOf = async ({ client, namespace }: Session, uid: string) =>
  await client.list(coreEvents, { namespace, fieldSelector: `regarding.uid=${uid}` }).catch(unlessForbidden(undefined))

function page(report: StatusReport): string {
  return [
    head(report),
    table(['RUNG', 'STATE', 'AT', 'TOOK'], report.ladder.map(rungLine)),
    ...workLines(report),
    ...pastLines(report),
  ].join('\n')
}

function head({ namespace, name, phase, localStatus, progress, ...rest }: StatusReport): string {
  const { vmid, node, power, lock, hostname, addresses } = rest
  const where = vmid === undefined ? 'no VM yet' : `VM ${vmid}${node ? ` on ${node}` : ''}`
  const facts = [where, power, lock && `lock ${lock}`, hostname, ...addresses].filter(Boolean).join(', ')
  return `${namespace}/${name}: ${phase}, local status ${localStatus}${progress ? ` (${progress})` : ''}\n${facts}\n`
}

const marks = { done: 'done', now: 'NOW', 'to do': '-' } as const
const rungLine = ({ rung, is, startedAt = '', seconds }: Rung) => [rung, marks[is], startedAt, seconds === undefined ? '' : spell(seconds)]

function workLines({ step, waitsFor, remarks }: StatusReport): string[] {
  const lines: string[] = []
  if (step) {
    const vain = step.attempts ? `, ${step.attempts} failed attempts` : ''
    lines.push(`step: ${step.name} since ${step.since} (${spell(step.seconds)})${vain}`)
    if (step.lastError) lines.push(`last error: ${step.lastError}`)
    // Callers have no access to PVE: its task log is for admins, who find it by this name.
    if (step.upid) lines.push(`PVE task: ${step.upid}`)
  }
  lines.push(waitsFor ? `waiting for: ${waitsFor.reason} (${whoActs(waitsFor.who)}): ${waitsFor.message}` : 'waiting for: nothing')
  for (const { type, reason, message } of remarks) lines.push(`${type}: ${reason}: ${message}`)
  return [`${lines.join('\n')}\n`]
}

const whoActs = (who: string) => (who === 'operator' ? 'the operator continues' : `the ${who} must act`)

function pastLines({ history, events: told }: StatusReport): string[] {
  const lines = history.slice(-mostHistory).map((entry) => `${entry.startedAt}  ${entry.step}: ${entry.outcome}: ${entry.message ?? ''}`)
  const past = lines.length > 0 ? [`Done and undone:\n${lines.join('\n')}\n`] : []
  if (!told) return [...past, 'events: you have no permission to read them\n']
  const shown = told
    .slice(-mostEvents)
    .map(({ at, type, reason, note, count }) => [at, type, `${reason}${count > 1 ? ` ×${count}` : ''}`, note])
  return [...past, ...(shown.length > 0 ? [table(['EVENT', 'TYPE', 'REASON', 'MESSAGE'], shown)] : [])]
}
