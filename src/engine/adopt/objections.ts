/** Why a guest is not the one that spec.adopt describes, or must not be taken. */
import type { Adopt } from '../../api/adopt.ts'
import { type Mark, parseMark } from '../../ladder/mark.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { isCdrom, parseDrive } from '../../proxmox/property-string.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'

type Values = Readonly<Record<string, string>>

/** Another guest than the one described, or one that is not to be had. */
export function adoptionObjection(pass: Pass, look: Look, adopt: Adopt): Obstacle | undefined {
  const { guest, config } = look.seen
  const { vmid } = adopt
  const at = `VM ${vmid}${look.at.node && ` on ${look.at.node}`}`
  const { vmid: pinned } = pass.draft.vm.spec
  if (pinned !== undefined && pinned !== vmid)
    return stalled(
      'AdoptMismatch',
      `spec.vmid says ${pinned} and spec.adopt.vmid says ${vmid}; write one of them, or write the same number in both.`,
    )
  if (guest === 'unproved') return look.unproved(`The operator cannot confirm whether VM ${vmid} exists`)
  if (guest === 'absent') return stalled('AdoptMismatch', `PVE has no VM ${vmid}; correct or remove spec.adopt.`)
  if (!config) return stalled('AdoptMismatch', `${at} is a container, which cannot become a VM.`)
  const { values } = config
  if (values.template === '1') return stalled('AdoptMismatch', `${at} is a template, which cannot become a VM.`)
  const mark = parseMark(values.description)
  const why =
    notesObjection(values) ??
    markObjection(pass, mark, adopt) ??
    holderObjection(pass, adopt) ??
    macObjection(values.net0, adopt) ??
    diskObjection(values, adopt)
  if (why !== undefined) return stalled('AdoptMismatch', `${at} ${why} Nothing was changed.`)
  return rangeObjection(pass, mark, adopt)
}

function markObjection({ deps }: Pass, mark: Mark | undefined, { vmid, fromUID }: Adopt): string | undefined {
  if (!mark) return fromUID === undefined ? undefined : `carries no mark of an object, and spec.adopt.fromUID says ${fromUID}.`
  if (mark.vmid === vmid && deps.isLiving(mark.uid)) return ofLiving(mark)
  if (mark.uid === fromUID) return undefined
  const copy = mark.vmid === vmid ? '' : `, copied from VM ${mark.vmid}`
  return `is marked with uid ${mark.uid}${copy}, and spec.adopt.fromUID says ${fromUID ?? 'none'}.`
}

const ofLiving = ({ uid, object }: Mark): string =>
  `belongs to a ProxmoxVM that exists (${object ? `${object.namespace}/${object.name}, ` : ''}uid ${uid}).`

/** Asked last, before the guest is taken: the watch may not have told of the object in the mark yet. */
export async function ownerObjection({ deps }: Pass, { at, seen }: Look): Promise<Obstacle | undefined> {
  const mark = parseMark(seen.config?.values.description)
  if (mark?.vmid !== at.vmid || (await deps.isGone(mark.uid, mark.object))) return undefined
  return stalled('AdoptMismatch', `VM ${at.vmid} on ${at.node} ${ofLiving(mark)} Nothing was changed.`)
}

/** A living object has the guest on record, whatever its description says today. */
function holderObjection({ deps, draft }: Pass, { vmid }: Adopt): string | undefined {
  const { clusterRef } = draft.vm.spec
  const holder = deps.vms
    .list()
    .find(
      ({ metadata, spec, status }) =>
        status?.vmid === vmid &&
        spec.clusterRef.name === clusterRef.name &&
        metadata.uid !== draft.vm.metadata.uid &&
        status.released === undefined,
    )
  return holder && `is the VM of ProxmoxVM ${holder.metadata.namespace}/${holder.metadata.name}.`
}

/** PVE takes so many characters for a description, and the mark needs some of them. */
const longestDescription = 8192
const markLength = 700

function notesObjection({ description = '' }: Values): string | undefined {
  // One that has a mark of ours has the room already.
  return parseMark(description) || description.length + markLength <= longestDescription
    ? undefined
    : `has a description of ${description.length} characters; PVE allows ${longestDescription}, and the owner line of the operator needs up to ${markLength}. Shorten the description.`
}

function macObjection(net0: string | undefined, { macAddress }: Adopt): string | undefined {
  const found = parseNet(net0 ?? '').macAddress?.toUpperCase()
  return macAddress === undefined || found === macAddress.toUpperCase()
    ? undefined
    : `has the MAC address ${found ?? '(none)'}, and spec.adopt.macAddress says ${macAddress}.`
}

function diskObjection(values: Values, { disks = [] }: Adopt): string | undefined {
  const wrong = disks.find(({ key }) => values[key] === undefined || isCdrom(parseDrive(values[key])))
  return wrong && `has no disk ${wrong.key}, which spec.adopt.disks names for ${wrong.name}.`
}

/** A guest without our mark must be one that an admin has set free for this. */
function rangeObjection({ deps, draft }: Pass, mark: Mark | undefined, { vmid }: Adopt): Obstacle | undefined {
  if (mark) return undefined
  const { name } = draft.vm.spec.clusterRef
  const range = deps.clusterObjects.get(name)?.spec.adoption?.vmids
  if (range && range.from <= vmid && vmid <= range.to) return undefined
  const says = range ? `${range.from} to ${range.to}` : 'nothing'
  return stalled(
    'AdoptNotAllowed',
    `VM ${vmid} has no owner line of pve-operator, and spec.adoption.vmids of ProxmoxCluster "${name}" says ${says}; an admin can add the VMID. Nothing was changed.`,
  )
}
