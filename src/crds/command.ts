import { manifestStream } from './manifests.ts'

/** `pve-operator crds`: prints the CRDs and the admission policies that belong to them, for `kubectl apply --server-side -f -`. */
export function crdsCommand(print: (text: string) => unknown): void {
  print(manifestStream())
}
