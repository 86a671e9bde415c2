/** Deletions of objects that are no wish to lose their VMs: a protected one, and those that go because their whole kind is deleted. */
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import { hasFinalizer } from '../create/finalizer.ts'
import type { Pass } from '../pass.ts'

/** Why the VM of this deleted object is not taken down; undefined: it may be. Throws while nobody can tell. */
export async function tearDownHeld({ deps, draft: { vm } }: Pass): Promise<Obstacle | undefined> {
  if (!hasFinalizer(vm)) return undefined
  const { name, namespace, uid = '' } = vm.metadata
  const wayOut = `kubectl pve release ${name} -n ${namespace} removes the object and leaves the VM as it is`
  const [crd] = await deps.kinds.leavingFor(uid)
  if (crd !== undefined)
    return stalled(
      'CRDDeleting',
      `CustomResourceDefinition ${crd} is being deleted, and the operator deletes no VM for that. ${wayOut} (docs/uninstall.md).`,
    )
  if (vm.spec.deletionProtection !== true) return undefined
  const who = `ProxmoxVM ${namespace}/${name} was deleted although spec.deletionProtection is true; its VM is kept.`
  return stalled('DeletionProtected', `${who} Set the flag to false to delete the VM; ${wayOut}.`)
}
