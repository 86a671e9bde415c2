/** The schema of ProxmoxVMConsole: one look at the screen of one VM. */
import * as z from 'zod'
import { nameReference, rule, rules, statusText, time } from './fields.ts'
import { conditions, type KubeObject, observedGeneration } from './object.ts'

/** A Go duration from 1s to `most`. */
const span = (fallback: string, most: string, description: string) =>
  z
    .string()
    .max(32)
    .default(fallback)
    .meta({
      description,
      ...rule(
        `self.matches('^([0-9]+(s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('${most}')`,
        `write a duration from 1s to ${most}, such as ${fallback}`,
      ),
    })

/** What a console shows. */
export const consoleDisplays = {
  Screen: 'the picture of the graphics card',
  Serial: 'the text of the serial port serial0',
} as const
export type ConsoleDisplay = keyof typeof consoleDisplays

export const proxmoxVMConsoleSpec = z
  .object({
    vmRef: nameReference(
      'ProxmoxVM',
      'The VM, in the namespace of this object. Who writes it needs the right to create proxmoxvms/console of it.',
    ),
    display: z
      .enum(Object.keys(consoleDisplays) as [ConsoleDisplay, ...ConsoleDisplay[]])
      .default('Screen')
      .describe(
        'What is shown. Screen: the picture of the graphics card, with keyboard and mouse. Serial: the text of the serial port serial0, which the VM must have; PVE takes no API token for it, so the Secret of spec.console of the ProxmoxCluster needs username and password.',
      ),
    readOnly: z
      .boolean()
      .exactOptional()
      .describe('true: keys, mouse and pasted text are thrown away by the broker; one may only look. Absent = false.'),
    ttl: z
      .object({
        open: span('60s', '10m', 'How long the URL may wait to be opened. It can be opened once.'),
        stay: span('2h', '12h', 'How long the session may stay open. It is ended then, whatever is being done.'),
      })
      .default({ open: '60s', stay: '2h' })
      .describe('How long this console lives. Some minutes after its end the object is deleted.'),
  })
  .meta({
    description: 'Which VM, what is shown, and for how long. Cannot be changed: a console is opened once.',
    ...rules({ rule: 'self == oldSelf', message: 'a console cannot be changed; make another ProxmoxVMConsole' }),
  })
/** The spec as people write it; the API server fills in the rest. */
export type ProxmoxVMConsoleSpec = Omit<z.infer<typeof proxmoxVMConsoleSpec>, 'display' | 'ttl'> &
  Partial<Pick<z.infer<typeof proxmoxVMConsoleSpec>, 'display' | 'ttl'>>

export const proxmoxVMConsoleStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    phase: statusText(64, 'The console in one word: Pending, Waiting, Open, Ended or Refused. Derived, for people.'),
    message: statusText(4096, 'The same as a sentence: what it waits for, who opened it, or why it ended.'),
    secretRef: z
      .object({ name: z.string().max(253).describe('Name of the Secret.') })
      .exactOptional()
      .describe('The Secret with the URL, in its key url. It is deleted when the URL was opened or is too old.'),
    vmUID: statusText(64, 'UID of the ProxmoxVM it was made for: one of the same name made later is another.'),
    keyHash: statusText(
      64,
      'SHA-256 of the key that opens or resumes it next. Each use replaces it by a write that only one broker can win, so each key works once.',
    ),
    urlHash: statusText(64, 'SHA-256 of the key in the URL, so that a second use of it can be told from a wrong one.'),
    openBefore: time('Until when the URL can be opened.').exactOptional(),
    openedAt: time('When the URL was opened.').exactOptional(),
    openedBy: statusText(128, 'From which IP address, as the broker saw it.'),
    connections: z
      .int()
      .exactOptional()
      .describe('How often the page has connected: more than once when its network was lost or it was reloaded.'),
    endsAt: time('When the session ends at the latest.').exactOptional(),
    endedAt: time('When it ended; the object is deleted 10 minutes later.').exactOptional(),
    conditions: conditions.exactOptional(),
  })
  .describe('The result. Written by the operator and by the broker of consoles.')
export type ProxmoxVMConsoleStatus = z.infer<typeof proxmoxVMConsoleStatus>

/** One look at the screen of one ProxmoxVM, by a URL that works once. */
export interface ProxmoxVMConsole extends KubeObject {
  spec: ProxmoxVMConsoleSpec
  status?: ProxmoxVMConsoleStatus
}
