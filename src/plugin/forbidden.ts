/** What the caller may not read: it is done without, and the rest is told. */
import { KubeError } from '../kube/kube-error.ts'

export const isForbidden = (fault: unknown): boolean => fault instanceof KubeError && fault.status === 403

/** For `catch`: what is answered instead where the caller has no right; other faults stay faults. */
export const unlessForbidden =
  <T>(otherwise: T) =>
  (fault: unknown): T => {
    if (isForbidden(fault)) return otherwise
    throw fault
  }
