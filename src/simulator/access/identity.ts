/** Who calls. */
export interface Identity {
  /** `root@pam` or `root@pam!token`. */
  id: string
  /** The user without a token. */
  user: string
  /** Token name; undefined for a ticket. */
  token: string | undefined
  /** The one user for whom PVE skips permissions: root@pam itself, by ticket. */
  isRoot: boolean
}

export function identityOf(id: string): Identity {
  const [user = '', token] = id.split('!', 2)
  return { id, user, token, isRoot: id === 'root@pam' }
}
