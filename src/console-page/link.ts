/** Which console this tab is for: from the URL at first, then from this tab's own memory, so that a reload goes on. */
import type { Hello } from './protocol.ts'

const memory = 'console'

/** Takes the key out of the address bar and the history, before anything else can read it. */
export function takeLink(): Hello | undefined {
  const [namespace = '', name = '', key = ''] = location.hash.replace(/^#/, '').split('/')
  if (location.hash) history.replaceState(null, '', '/')
  if (key) return { namespace, name, key }
  try {
    return JSON.parse(sessionStorage.getItem(memory) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

export const remember = (hello: Hello): void => sessionStorage.setItem(memory, JSON.stringify(hello))
export const forget = (): void => sessionStorage.removeItem(memory)
