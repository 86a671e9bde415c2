/** /access/domains: the two realms every PVE has; others are not modelled. */
import { createHash } from 'node:crypto'
import { refuse } from '../http/refusal.ts'
import { str, type Route } from '../routes.ts'

interface Realm {
  realm: string
  type: string
  comment: string
}

const known: readonly Realm[] = [
  { realm: 'pam', type: 'pam', comment: 'Linux PAM standard authentication' },
  { realm: 'pve', type: 'pve', comment: 'Proxmox VE authentication server' },
]

/** The realm of a user id, if it exists. */
export function realmOf(userid: string): Realm | undefined {
  return known.find(({ realm }) => realm === userid.split('@').at(-1))
}

const digest = createHash('sha1').update(JSON.stringify(known)).digest('hex')

export const realmRoutes: readonly Route[] = [
  { method: 'GET', path: '/access/domains', handler: () => known },
  {
    method: 'GET',
    path: '/access/domains/{realm}',
    handler: (call) => {
      const name = str(call, 'realm') ?? ''
      const { realm: _realm, ...found } = realmOf(name) ?? refuse(`domain '${name}' does not exist`)
      return { ...found, digest }
    },
  },
]
