/** Everything the page says to people. */
import type { EndWord, NoPicture } from './protocol.ts'

export interface Words {
  readonly title: string
  readonly text: string
}

const another = 'Ask for a new link where you got this one.'

/** When it is over. */
export const ends: Record<EndWord, Words> = {
  used: { title: 'This link was opened already', text: `A link opens a console once. ${another}` },
  invalid: { title: 'This link does not work', text: `It is not complete, or its console is gone. ${another}` },
  unopened: { title: 'This link is too old', text: `It was not opened in time. ${another}` },
  time: { title: 'The time of this session is over', text: another },
  suspended: { title: 'This server is suspended', text: 'There is no console while it is. Your provider can tell you why.' },
  gone: { title: 'This server is not there any more', text: 'It is being deleted or set up again.' },
  off: { title: 'This server is off', text: 'Start it, then ask for a new link.' },
  closed: { title: 'This console was closed', text: another },
  unavailable: { title: 'There is no console for this server', text: 'Your provider has switched consoles off.' },
  displaced: { title: 'The console is open in another window', text: 'Go on there. A session has one window at a time.' },
  busy: {
    title: 'Too many consoles are open',
    text: 'Try again in a few minutes; the link still works until then, if its time is not over.',
  },
}

/** While there is no picture. */
export const gaps: Record<NoPicture | 'opening' | 'connection', Words> = {
  opening: { title: 'Opening the console…', text: '' },
  connection: { title: 'The connection was lost', text: 'It is made again by itself.' },
  off: { title: 'The server is off', text: 'Its screen comes back as soon as it is on.' },
  lost: { title: 'The screen was lost', text: 'It is fetched again by itself.' },
  unreachable: { title: 'The screen cannot be reached now', text: 'It is tried again by itself.' },
}

/** `4:59` */
export const clock = (ms: number): string => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`
