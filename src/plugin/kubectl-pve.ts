/** The program `kubectl pve`: the terminal, the environment and the exit code. */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { systemClock } from '../ops/clock.ts'
import packageFile from '../../package.json' with { type: 'json' }
import { run } from './program.ts'

const interrupted = new AbortController()
// The second one ends it at once.
process.once('SIGINT', () => interrupted.abort())
// A reader that has seen enough (head) closes the pipe; that is no fault of ours.
process.stdout.on('error', () => process.exit(0))

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question, { signal: interrupted.signal })
  } catch {
    return ''
  } finally {
    lines.close()
  }
}

/** What opens a URL on this system. The URL is no shell's to read. */
async function browse(url: string): Promise<void> {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  await new Promise<void>((resolve) => {
    const child = spawn(program, [url], { stdio: 'ignore', detached: true })
    child.once('error', () => {
      process.stderr.write(`${program} is not installed here, so open the URL yourself\n`)
      resolve()
    })
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
  })
}

const { KUBECONFIG } = process.env
void run(
  {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    ask,
    browse,
    readFile: (path) => readFile(path, 'utf8').catch(() => undefined),
    isTerminal: process.stderr.isTTY ?? false,
    columns: process.stderr.columns ?? 100,
    ...(KUBECONFIG && { kubeconfig: KUBECONFIG }),
    version: packageFile.version,
    clock: systemClock,
    signal: interrupted.signal,
  },
  process.argv.slice(2),
).then((code) => {
  process.exitCode = code
  // What the API server has not answered in time is not waited for: somebody has pressed Tab.
  if (process.argv[2] === '__complete') process.exit()
})
