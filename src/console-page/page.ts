/** The page of one console: opens it, shows it, and says what goes on. */
import { takeLink } from './link.ts'
import type { ToPage, VmState, Welcome } from './protocol.ts'
import { type Display, openPicture, openTerminal } from './screen.ts'
import { Talk } from './talk.ts'
import { parts, show, showButtons, showTimeLeft, showVm } from './view.ts'
import { ends, gaps } from './words.ts'

const retries = [1000, 2000, 4000, 8000, 15_000]

let talk: Talk | undefined
let welcome: Welcome | undefined
let vm: VmState | undefined
let display: Display | undefined
/** Bytes that came while the display was being loaded. */
let early: ArrayBuffer[] | undefined
let failures = 0
let retry = 0

function attach(): void {
  clearTimeout(retry)
  talk?.say({ attach: true })
}

function dropDisplay(): void {
  display?.close()
  display = undefined
  early = undefined
}

async function begin(): Promise<void> {
  if (!talk || !welcome) return
  dropDisplay()
  const waiting: ArrayBuffer[] = []
  early = waiting
  const open = welcome.display === 'Serial' ? openTerminal : openPicture
  const drawn = (): void => {
    failures = 0
    show('open')
  }
  const opened = await open(parts.screen, talk, { readOnly: welcome.readOnly, drawn })
  // It was lost again while it was being loaded.
  if (early !== waiting) return opened.close()
  early = undefined
  display = opened
  for (const bytes of waiting) display.take(bytes)
}

function hear(message: ToPage): void {
  if (message.welcome) {
    welcome = message.welcome
    showButtons(welcome)
    showTimeLeft(welcome.leftMs)
    attach()
  }
  if (message.vm) {
    const wasOff = vm !== undefined && vm.power !== 'running'
    vm = message.vm
    showVm(vm)
    if (wasOff && vm.power === 'running' && !display) attach()
  }
  if (message.attached) void begin()
  if (message.detached) {
    dropDisplay()
    const isOff = message.detached === 'off'
    show(isOff ? 'off' : 'waiting', gaps[message.detached], { again: true })
    // A guest that is off is told of when it is on; everything else is tried again.
    if (!isOff) retry = setTimeout(attach, retries[Math.min(failures++, retries.length - 1)])
  }
  if (message.end) {
    dropDisplay()
    clearTimeout(retry)
    showTimeLeft(0)
    show('over', ends[message.end])
  }
}

const specialKeys: Readonly<Record<string, readonly [keysym: number, text: string]>> = {
  Enter: [0xff0d, '\r'],
  Backspace: [0xff08, '\x7f'],
  Tab: [0xff09, '\t'],
  Escape: [0xff1b, '\x1b'],
}

/** The keyboard of a phone types into a field that nobody sees; from there it goes to the guest. */
function listenToKeyboard(): void {
  const { keys } = parts
  keys.addEventListener('beforeinput', (event) => {
    event.preventDefault()
    const key = event.inputType.startsWith('delete') ? 'Backspace' : event.inputType === 'insertLineBreak' ? 'Enter' : undefined
    const special = key && specialKeys[key]
    if (special) display?.press(...special)
    else if (event.data) void display?.type(event.data)
  })
  parts.keyboard.addEventListener('click', () => keys.focus())
}

function listenToButtons(): void {
  parts.cad.addEventListener('click', () => {
    display?.ctrlAltDel()
    display?.focus()
  })
  parts.paste.addEventListener('click', () => {
    parts.pasted.value = ''
    parts.pasting.showModal()
  })
  parts.pasting.addEventListener('close', () => {
    const text = parts.pasting.returnValue === 'type' ? parts.pasted.value : ''
    parts.pasted.value = ''
    display?.focus()
    if (text) void display?.type(text)
  })
  const again = (): void => {
    failures = 0
    show('opening', gaps.opening)
    talk?.connect()
  }
  parts.reconnect.addEventListener('click', again)
  parts.again.addEventListener('click', again)
  parts.full.hidden = !document.fullscreenEnabled
  parts.full.addEventListener('click', () => {
    void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).then(() =>
      display?.focus(),
    )
  })
}

listenToButtons()
listenToKeyboard()
const link = takeLink()
if (link) {
  show('opening', gaps.opening)
  talk = new Talk(link, {
    message: hear,
    bytes: (bytes) => (early ? early.push(bytes) : display?.take(bytes)),
    lost: () => {
      dropDisplay()
      clearTimeout(retry)
      show('waiting', gaps.connection, { again: true })
    },
  })
} else show('over', ends.invalid)
