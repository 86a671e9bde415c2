/** Objects that are deleted because their kind is: nothing in PVE is deleted for that. */
import type { KubeObject } from '../api/meta.ts'
import type { Dependencies } from './dependencies.ts'

/** Asked of a deleted object before what it stands for is deleted in PVE. Throws while nobody can tell. */
export async function isKindLeaving({ kinds }: Pick<Dependencies, 'kinds'>, { metadata }: KubeObject, plural: string): Promise<boolean> {
  return (await kinds.leavingFor(metadata.uid ?? '', plural)).length > 0
}
