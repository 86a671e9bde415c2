/** Which addresses a customer or a service has and had: what the note of a termination is asked for. */
import { clientIdLabel, serviceIdLabel } from '../api/group.ts'
import { poolAddresses, proxmoxVMs } from '../api/meta.ts'
import { unlessForbidden } from './forbidden.ts'
import { printJson, type Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { answerOf, type AddressAnswer, page, showWho } from './who.ts'

interface Asked {
  readonly service?: string
  readonly client?: string
  readonly output?: 'json'
}

/** One address, or all that a customer or service is on record for. */
export async function showWhoOrOf(session: Session, address: string | undefined, o: Asked): Promise<void> {
  const labels = {
    ...(o.service !== undefined && { [serviceIdLabel]: o.service }),
    ...(o.client !== undefined && { [clientIdLabel]: o.client }),
  }
  const isOf = Object.keys(labels).length > 0
  if ((address !== undefined) === isOf)
    throw new PluginRefusal(
      'write an address, or --service or --client: kubectl pve who 203.0.113.10 | --service 5546 | --client 142',
      exitCodes.usage,
    )
  if (address !== undefined) return await showWho(session, address, o)
  const answers = await answersOf(session, labels)
  if (o.output) return printJson(session, answers)
  const named = Object.entries(labels).map(([key, value]) => `${key.replace(/^pve\.hosting\//, '')}=${value}`)
  if (answers.length === 0) throw new PluginRefusal(`no address has been recorded for ${named.join(',')}`)
  session.shell.out(answers.map(page).join('\n'))
}

type Labels = Readonly<Record<string, string>>
const match = (labels: Labels, has: Labels | undefined): boolean => Object.entries(labels).every(([key, value]) => has?.[key] === value)

/** Of each address the holders with these labels; an address held before it had labels is found by its VM. */
async function answersOf(session: Session, labels: Labels): Promise<AddressAnswer[]> {
  const records = await session.client.list(poolAddresses)
  const uids = await uidsOf(session, labels)
  const concerned = records.filter(
    ({ metadata, spec }) =>
      (spec.claimRef && (match(labels, metadata.labels) || uids.has(spec.claimRef.uid))) ||
      spec.history?.some((former) => match(labels, former.labels)),
  )
  const answers = await Promise.all(concerned.map((record) => answerOf(session, record, [])))
  return answers.map(({ holder, history, ...rest }) => ({
    ...rest,
    ...(holder && match(labels, holder.labels) && { holder }),
    history: history.filter((former) => match(labels, former.labels)),
  }))
}

/** VMs with these labels. Whoever may not list them is told what the addresses say. */
async function uidsOf({ client }: Session, labels: Labels): Promise<ReadonlySet<string>> {
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const vms = await client.list(proxmoxVMs, { labelSelector }).catch(unlessForbidden([]))
  return new Set(vms.flatMap(({ metadata }) => metadata.uid ?? []))
}
