/** `kubectl pve adopt`: manifests for guests of a cluster, or the guests of former objects. */
import { adoptFormer, type AdoptOptions } from '../adopt.ts'
import type { Session } from '../session.ts'
import { exitCodes, PluginRefusal } from '../shell.ts'
import { type PrintOptions, printManifests } from './print-manifests.ts'

type AdoptGuestsOptions = AdoptOptions & Omit<PrintOptions, 'cluster'> & { cluster?: string; former?: boolean }

export async function adoptGuests(session: Session, o: AdoptGuestsOptions): Promise<void> {
  const { cluster, former } = o
  if (former === true && cluster !== undefined) throw new PluginRefusal('write either --former or --cluster', exitCodes.usage)
  if (session.isDryRun && cluster !== undefined)
    throw new PluginRefusal('--cluster only prints manifests, so it takes no --dry-run', exitCodes.usage)
  if (cluster !== undefined) return await printManifests(session, { ...o, cluster })
  if (former === true) return await adoptFormer(session, o)
  throw new PluginRefusal('write --cluster NAME with --vmid, --all or --unclaimed, or write --former', exitCodes.usage)
}
