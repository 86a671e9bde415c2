/** `kubectl pve allow-deletions`: a person lifts limits.deletions of a cluster for a while, after a look at what waits. */
import { allowDeletionsAnnotation } from '../api/group.ts'
import { proxmoxClusters } from '../api/meta.ts'
import { timeInSeconds } from '../api/time.ts'
import { confirmAtTerminal } from './confirm.ts'
import { printJson, type Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'

export interface AllowDeletionsOptions {
  /** Seconds. */
  for?: number
  end?: boolean
  yes?: boolean
  output?: 'json'
}

/** A leave that is forgotten must not last. */
const longestSeconds = 24 * 3600

export async function allowDeletions(session: Session, cluster: string, o: AllowDeletionsOptions): Promise<void> {
  const { client, shell } = session
  const seconds = secondsOf(o)
  const before = await client.get(proxmoxClusters, { name: cluster })
  if (!before) throw new PluginRefusal(`ProxmoxCluster "${cluster}" does not exist`)
  const until = seconds === undefined ? undefined : timeInSeconds(shell.clock.now() + seconds * 1000)
  const waiting = before.status?.deletions?.waiting ?? 0
  const isLifted = until !== undefined && waiting > 0
  await confirmAtTerminal(
    session,
    isLifted ? `Destroy ${waiting === 1 ? 'the VM that waits' : `the ${waiting} VMs that wait`} now?` : undefined,
    o.yes,
  )
  const metadata = { annotations: { [allowDeletionsAnnotation]: until ?? null } }
  const after = await client.mergePatch(proxmoxClusters, { name: cluster }, { metadata })
  if (o.output) return printJson(session, after)
  if (session.isDryRun) return shell.out(`allow-deletions ${cluster}: the API server accepts it. Dry run: nothing was written.\n`)
  const who = waiting === 1 ? '1 VM waits' : `${waiting} VMs wait`
  shell.out(
    until === undefined
      ? `allow-deletions ${cluster}: limits.deletions applies again; ${who}\n`
      : `allow-deletions ${cluster}: until ${until} limits.deletions does not apply; ${who} and will be destroyed now\n`,
  )
}

function secondsOf({ for: seconds, end }: AllowDeletionsOptions): number | undefined {
  if (end === true && seconds === undefined) return undefined
  if (end === true || seconds === undefined) throw new PluginRefusal('write --for with a duration such as 1h, or --end', exitCodes.usage)
  if (seconds > longestSeconds) throw new PluginRefusal('write --for with at most 24h', exitCodes.usage)
  return seconds
}
