/** `kubectl pve <Tab>`: what may stand at the cursor, as kubectl asks its plugins (kubectl_complete-pve, the protocol of Cobra). */
import type { Command, Option } from 'commander'
import {
  ipPools,
  type KubeObject,
  namespaces,
  proxmoxClusters,
  proxmoxVMBackups,
  proxmoxVMSnapshots,
  proxmoxVMs,
  vmPackages,
} from '../api/meta.ts'
import { addressesInForce } from '../api/held-addresses.ts'
import { type GlobalOptions, type Session, withSession } from './session.ts'
import type { Shell } from './shell.ts'

/** ShellCompDirectiveNoFileComp: no names of files instead. */
const noFiles = ':4'
/** ShellCompDirectiveDefault. */
const files = ':0'
/** A shell that hangs on Tab is worse than one that knows nothing. */
const patienceMs = 2_000

interface Suggestion {
  readonly word: string
  readonly about?: string
}

/** Prints the suggestions for the last of `words`, one a line, and the directive. What cannot be asked is not suggested; nothing is ever an error here. */
export async function complete(shell: Shell, program: Command, words: readonly string[]): Promise<void> {
  const line = readLine(program, words)
  if (line.valueOf?.long === '--kubeconfig') return shell.out(`${files}\n`)
  const suggestions = line.valueOf ? await valuesFor(shell, line, line.valueOf) : await wordsFor(shell, program, line)
  const fitting = suggestions.filter(({ word }) => word.startsWith(line.cursor))
  const texts = fitting.map(({ word, about }) => `${line.before}${word}${about ? `\t${about}` : ''}\n`)
  shell.out(`${texts.join('')}${noFiles}\n`)
}

interface Line {
  readonly command: Command | undefined
  readonly arguments: readonly string[]
  readonly options: GlobalOptions
  /** What is typed of the word at the cursor; after `--flag=` what follows. */
  readonly cursor: string
  /** `--flag=`, else nothing. */
  readonly before: string
  /** The option whose value stands at the cursor. */
  readonly valueOf: Option | undefined
}

function readLine(program: Command, words: readonly string[]): Line {
  const given = words.slice(0, -1)
  const last = words.at(-1) ?? ''
  let command: Command | undefined
  let valueOf: Option | undefined
  const args: string[] = []
  const values: Record<string, unknown> = {}
  const optionOf = (word: string): Option | undefined =>
    [...(command?.options ?? []), ...program.options].find(({ long, short }) => long === word || short === word)
  const keep = (option: Option, value: string): void => {
    const name = option.attributeName()
    values[name] = name === 'asGroup' ? [...((values[name] as string[] | undefined) ?? []), value] : value
  }
  for (const word of given) {
    if (valueOf) {
      keep(valueOf, word)
      valueOf = undefined
    } else if (word.startsWith('-')) {
      const [flag = '', value] = word.split(/=(.*)/s)
      const option = optionOf(flag)
      if (option && value !== undefined) keep(option, value)
      else if (option?.required) valueOf = option
    } else if (command) args.push(word)
    else command = program.commands.find((each) => each.name() === word)
  }
  const inline = /^(--[a-z-]+=)(.*)$/s.exec(last)
  const inlineOption = inline && optionOf((inline[1] ?? '').slice(0, -1))
  if (inline && inlineOption && !valueOf)
    return { command, arguments: args, options: values, cursor: inline[2] ?? '', before: inline[1] ?? '', valueOf: inlineOption }
  return { command, arguments: args, options: values, cursor: last, before: '', valueOf }
}

async function valuesFor(shell: Shell, line: Line, option: Option): Promise<Suggestion[]> {
  if (option.argChoices) return option.argChoices.map((word) => ({ word }))
  const ask = sources[option.long ?? '']
  return ask ? await asked(shell, line.options, ask) : []
}

async function wordsFor(shell: Shell, program: Command, { command, arguments: args, options, cursor }: Line): Promise<Suggestion[]> {
  if (cursor.startsWith('-'))
    return [...(command?.options ?? []), ...program.options].flatMap(({ long, description }) =>
      long ? [{ word: long, about: description }] : [],
    )
  if (!command) return program.commands.map((each) => ({ word: each.name(), about: each.description() }))
  if (command.name() === 'help') return program.commands.map((each) => ({ word: each.name(), about: each.description() }))
  const declared = command.registeredArguments[args.length] ?? command.registeredArguments.findLast(({ variadic }) => variadic)
  const ask = declared && sources[`<${declared.name()}>`]
  const found = ask ? await asked(shell, options, ask) : []
  return found.filter(({ word }) => !args.includes(word))
}

type Ask = (session: Session) => Promise<Suggestion[]>

const vmNames: Ask = async ({ client, namespace }) =>
  (await client.list(proxmoxVMs, { namespace })).map(({ metadata, status }) => ({
    word: metadata.name,
    about: [status?.phase, addressesInForce(status)[0]].filter(Boolean).join(', '),
  }))

const namesOf = (objects: readonly KubeObject[]): Suggestion[] => objects.map(({ metadata }) => ({ word: metadata.name }))

const packageNames: Ask = async ({ client }) => namesOf(await client.list(vmPackages))

const templateNames: Ask = async ({ client }) => {
  const clusters = await client.list(proxmoxClusters)
  const names = clusters.flatMap(({ status }) => (status?.templates ?? []).flatMap(({ name }) => (name === undefined ? [] : [name])))
  return [...new Set(names)].map((word) => ({ word }))
}

/** Who knows the values of an option or of an argument. */
const sources: Readonly<Record<string, Ask>> = {
  '<vm>': vmNames,
  '<vms>': vmNames,
  '<snapshot>': async ({ client, namespace }) => namesOf(await client.list(proxmoxVMSnapshots, { namespace })),
  '<backup>': async ({ client, namespace }) => namesOf(await client.list(proxmoxVMBackups, { namespace })),
  '<cluster>': async ({ client }) => namesOf(await client.list(proxmoxClusters)),
  '--cluster': async ({ client }) => namesOf(await client.list(proxmoxClusters)),
  '--address': async ({ client }) => namesOf(await client.list(ipPools)),
  '--namespace': async ({ client }) => namesOf(await client.list(namespaces)),
  '--package': packageNames,
  '--all-of': packageNames,
  '--template': templateNames,
}

async function asked(shell: Shell, options: GlobalOptions, ask: Ask): Promise<Suggestion[]> {
  let found: Suggestion[] = []
  const answered = new AbortController()
  const work = withSession(shell, options, async (session) => {
    found = await ask(session)
  })
    .catch(() => undefined)
    .finally(() => answered.abort())
  await Promise.race([work, shell.clock.sleep(patienceMs, answered.signal).catch(() => undefined)])
  return found
}
