/** What is read of pages and of VMs, and what is left out. */
import * as z from 'zod'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { FromPage } from '../../console-page/protocol.ts'
import { withoutManifest } from '../../kube/trim.ts'

const fromPage = z.strictObject({
  hello: z.strictObject({ namespace: z.string().max(253), name: z.string().max(253), key: z.string().max(64) }).exactOptional(),
  attach: z.literal(true).exactOptional(),
  size: z.strictObject({ columns: z.int(), rows: z.int() }).exactOptional(),
}) satisfies z.ZodType<FromPage>

/** A text message of a page; undefined: it is none of ours. */
export function readMessage(data: unknown): FromPage | undefined {
  try {
    return fromPage.parse(JSON.parse(String(data)))
  } catch {
    return undefined
  }
}

/** A VM as the broker keeps it: what the page shows and what decides whether it may be looked at. */
export function lookedAtVM(vm: ProxmoxVM): ProxmoxVM {
  const { metadata, spec, status, ...rest } = withoutManifest(vm)
  const { clusterRef, suspensions, template, runStrategy, shutdownTimeout, restartPolicy, deletionPolicy } = spec
  const kept = { clusterRef, template, runStrategy, shutdownTimeout, restartPolicy, deletionPolicy, ...(suspensions && { suspensions }) }
  if (!status) return { ...rest, metadata, spec: kept }
  const { history: _, package: __, packageSource: ___, disks: ____, ...seen } = status
  return { ...rest, metadata, spec: kept, status: seen }
}
