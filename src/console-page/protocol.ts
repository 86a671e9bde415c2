/** What page and broker say to each other in text messages; binary ones are the picture, or the terminal's text. */

/** Why a console is over, for the page, which has the words. */
export type EndWord =
  | 'gone'
  | 'suspended'
  | 'off'
  | 'time'
  | 'unopened'
  | 'closed'
  | 'unavailable'
  /** The URL was opened before. */
  | 'used'
  /** No such console, or another key. */
  | 'invalid'
  /** The session goes on in another window. */
  | 'displaced'
  /** The broker has as many sessions as it takes. */
  | 'busy'

/** Why there is no picture now, while the session goes on. */
export type NoPicture = 'off' | 'lost' | 'unreachable'

export interface VmState {
  readonly name: string
  readonly hostname?: string
  readonly address?: string
  /** running, stopped, paused … as PVE says; unknown while nobody can tell. */
  readonly power: string
}

export interface Hello {
  readonly namespace: string
  readonly name: string
  /** From the URL at first, then the one of the last welcome. */
  readonly key: string
}

export interface Welcome {
  /** Resumes the session, once. */
  readonly key: string
  readonly display: 'Screen' | 'Serial'
  readonly readOnly: boolean
  /** Until the session ends; the clock of the page's machine may be wrong. */
  readonly leftMs: number
}

/** One field of these is there. */
export interface FromPage {
  readonly hello?: Hello
  /** Show me the screen; also again after it was lost. */
  readonly attach?: true
  /** Of a terminal, in characters. */
  readonly size?: { readonly columns: number; readonly rows: number }
}
export interface ToPage {
  readonly welcome?: Welcome
  readonly vm?: VmState
  /** From here on binary messages are of a new picture. */
  readonly attached?: true
  readonly detached?: NoPicture
  /** Nothing follows. */
  readonly end?: EndWord
}
