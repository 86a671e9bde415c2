/** /access/groups (PVE::API2::Group). */
import { refuse } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import { type Group, storedField } from './access.ts'

function groupOf(call: Call, prefix = ''): Group {
  const groupid = str(call, 'groupid') ?? ''
  return call.world.access.groups.get(groupid) ?? refuse(`${prefix}group '${groupid}' does not exist`)
}

const commentOf = ({ comment }: Group): { comment?: string } => (comment === undefined ? {} : { comment })

function listGroups({ world, user }: Call): Record<string, unknown>[] {
  return [...world.access.groups.values()]
    .filter(({ groupid }) => world.access.hasAny(user, `/access/groups/${groupid}`, ['User.Modify', 'Sys.Audit', 'Group.Allocate']))
    .map((group) => ({ groupid: group.groupid, ...commentOf(group), users: [...group.users].toSorted().join(',') }))
}

function createGroup(call: Call): null {
  const { access } = call.world
  const groupid = str(call, 'groupid') ?? ''
  if (access.groups.has(groupid)) refuse(`create group failed: group '${groupid}' already exists`)
  const comment = storedField(str(call, 'comment'))
  access.groups.set(groupid, { groupid, users: new Set(), ...(comment === undefined ? {} : { comment }) })
  access.changed()
  return null
}

function updateGroup(call: Call): null {
  const group = groupOf(call, 'update group failed: ')
  const given = str(call, 'comment')
  const comment = storedField(given)
  if (comment !== undefined) group.comment = comment
  else if (given !== undefined) delete group.comment
  return null
}

function deleteGroup(call: Call): null {
  call.world.access.forgetGroup(groupOf(call, 'delete group failed: ').groupid)
  return null
}

function readGroup(call: Call): Record<string, unknown> {
  const group = groupOf(call)
  return { members: [...group.users], ...commentOf(group) }
}

export const groupRoutes: readonly Route[] = [
  { method: 'GET', path: '/access/groups', handler: listGroups },
  { method: 'POST', path: '/access/groups', handler: createGroup },
  { method: 'GET', path: '/access/groups/{groupid}', handler: readGroup },
  { method: 'PUT', path: '/access/groups/{groupid}', handler: updateGroup },
  { method: 'DELETE', path: '/access/groups/{groupid}', handler: deleteGroup },
]
