/** What status says of a VM that was taken over: which of its fields stay as they were found (pure). */
import type { FoundDifference } from '../../api/adopt.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { Fields } from '../../want/as-found.ts'
import { isBirth } from '../../want/birth.ts'
import type { Change } from '../status.ts'

/** A VM that is made again has nothing of the guest that was found. */
const isTaken = (status: ProxmoxVMStatus): boolean => status.adoption?.takenAt !== undefined && !isBirth(status)

/** It was taken over, and what differs has not been noted yet: nothing may be written to it before. */
export const isUncompared = (status: ProxmoxVMStatus): boolean => isTaken(status) && status.adoption?.differences === undefined

/** The fields that stay as found, as last noted. */
export const fieldsAsFound = (status: ProxmoxVMStatus): Fields =>
  new Set(isTaken(status) ? (status.adoption?.differences ?? []).map(({ field }) => field) : [])

/** The password of the spec is not made, and the name of the spec not given, until somebody asks for another one than at the takeover. */
export const staysAsFound = (status: ProxmoxVMStatus, field: string, wanted?: string): boolean =>
  isUncompared(status) ||
  (isTaken(status) &&
    (status.adoption?.differences ?? []).some((one) => one.field === field && (wanted === undefined || one.wanted === wanted)))

/** A name in the spec that was there at the takeover is not asked for. */
export const isNameLeft = (vm: ProxmoxVM, status: ProxmoxVMStatus): boolean =>
  vm.spec.hostname !== undefined && staysAsFound(status, 'name', vm.spec.hostname.toLowerCase())

/** With these differences in place of those noted before. */
export const withDifferences =
  (differences: readonly FoundDifference[]): Change =>
  (status) => ({ ...status, ...(status.adoption && { adoption: { ...status.adoption, differences: [...differences] } }) })

/** No part of a package: a change of package leaves them. */
const besideThePackage = /^(?:name|onboot|power|protection|ci|ipconfig|sshkeys|nameserver|searchdomain)/

/** A difference that a change of package is about. */
export const isOfPackage = ({ field }: Pick<FoundDifference, 'field'>): boolean => !besideThePackage.test(field)

/**
 * The command ChangePackage: the first one after the takeover brings what the package says otherwise than then, the next one all of the
 * package. Either starts a VM that was found off and is to run.
 */
export const askForPackage =
  (iso: string): Change =>
  (status) => {
    const { adoption } = status
    if (adoption?.takenAt === undefined || adoption.differences === undefined) return status
    const isNext = adoption.packageAskedAt !== undefined
    const left = adoption.differences.filter((one) => !(isNext && isOfPackage(one)) && !(one.field === 'power' && one.wanted === 'running'))
    return { ...status, adoption: { ...adoption, packageAskedAt: adoption.packageAskedAt ?? iso, differences: left } }
  }
