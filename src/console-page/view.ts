/** What is on the page beside the screen: the bar on top and the card with words. */
import type { VmState } from './protocol.ts'
import { clock, type Words } from './words.ts'

/** `open`: the screen is there; every other state shows the card. */
export type PageState = 'opening' | 'open' | 'waiting' | 'off' | 'over'

const find = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T

export const parts = {
  screen: find<HTMLDivElement>('screen'),
  keys: find<HTMLTextAreaElement>('keys'),
  again: find<HTMLButtonElement>('again'),
  cad: find<HTMLButtonElement>('cad'),
  paste: find<HTMLButtonElement>('paste'),
  keyboard: find<HTMLButtonElement>('keyboard'),
  reconnect: find<HTMLButtonElement>('reconnect'),
  full: find<HTMLButtonElement>('full'),
  badge: find('badge'),
  pasting: find<HTMLDialogElement>('pasting'),
  pasted: find<HTMLTextAreaElement>('pasted'),
}

/** With which words, and whether somebody may try at once. */
export function show(state: PageState, { title, text }: Words = { title: '', text: '' }, o: { again?: boolean } = {}): void {
  document.body.dataset['state'] = state
  find('title').textContent = title
  find('text').textContent = text
  parts.again.hidden = o.again !== true
  const isOver = state === 'over'
  for (const button of [parts.cad, parts.paste, parts.keyboard]) button.disabled = state !== 'open'
  parts.reconnect.disabled = isOver
}

const powers: Readonly<Record<string, string>> = { running: 'on', stopped: 'off', paused: 'paused', unknown: 'power unknown' }

export function showVm({ name, hostname, address, power }: VmState): void {
  const shown = hostname ?? name
  document.title = `${shown} · console`
  find('name').textContent = shown
  const word = powers[power] ?? power
  find('about').textContent = [address, word].filter(Boolean).join(' · ')
  const lamp = find('lamp')
  lamp.dataset['power'] = power
  lamp.ariaLabel = word
}

/** Which buttons this console has. */
export function showButtons({ display, readOnly }: { display: 'Screen' | 'Serial'; readOnly: boolean }): void {
  parts.badge.hidden = !readOnly
  parts.cad.hidden = readOnly || display === 'Serial'
  parts.paste.hidden = readOnly
  parts.keyboard.hidden = readOnly
  parts.reconnect.hidden = false
}

/** The last five minutes are counted. */
const countedMs = 300_000
let countdown = 0

export function showTimeLeft(fromNowMs: number): void {
  const endsMs = performance.now() + fromNowMs
  clearInterval(countdown)
  const left = find('left')
  const tell = (): void => {
    const leftMs = endsMs - performance.now()
    left.hidden = !(leftMs > 0 && leftMs <= countedMs)
    if (left.hidden) return
    left.textContent = clock(leftMs)
  }
  tell()
  countdown = setInterval(tell, 1000)
}
