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
  invalid: { title: 'This link does not work', text: `The link is not complete, or its console no longer exists. ${another}` },
  unopened: { title: 'This link is too old', text: `Nobody opened it in time. ${another}` },
  time: { title: 'The time of this session has ended', text: another },
  suspended: { title: 'This server is suspended', text: 'A suspended server has no console. Ask your provider for the reason.' },
  gone: { title: 'This server no longer exists', text: 'Your provider deletes it or sets it up again.' },
  off: { title: 'This server is off', text: 'Start it, then ask for a new link.' },
  closed: { title: 'This console was closed', text: another },
  unavailable: { title: 'There is no console for this server', text: 'Your provider has switched consoles off.' },
  displaced: { title: 'The console is open in another window', text: 'Use that window. A session has one window at a time.' },
  busy: {
    title: 'Too many consoles are open',
    text: 'Try again in a few minutes; your link still works if its time has not ended.',
  },
}

/** While there is no picture. */
export const gaps: Record<NoPicture | 'opening' | 'connection', Words> = {
  opening: { title: 'Opening the console…', text: '' },
  connection: { title: 'The connection was lost', text: 'Connecting again…' },
  off: { title: 'The server is off', text: 'The screen appears as soon as the server is on.' },
  lost: { title: 'The screen was lost', text: 'Loading the screen again…' },
  unreachable: { title: 'The screen does not answer now', text: 'Trying again…' },
}

/** `4:59` */
export const clock = (ms: number): string => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`
