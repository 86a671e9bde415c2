/** Annotations that keep a tool from deleting our CRDs and policies when they leave its manifests: with a CRD all objects of its kind are deleted. */
export const keptByTools: Readonly<Record<string, string>> = {
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
  'helm.sh/resource-policy': 'keep',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
}
