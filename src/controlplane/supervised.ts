import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'

/** A server process that cannot outlive us. */
export interface Supervised {
  readonly name: string
  /** Settles when the process has ended, with what it left as exit code or signal. */
  readonly ended: Promise<string>
  /** Asks it to end; after five seconds, or at once with `hard`, it is killed. Resolves when it is gone. */
  stop(o?: { hard?: boolean }): Promise<string>
}

/**
 * The shell waits for the server, and a subshell for the end of our pipe: when this process dies, however it dies, the pipe closes and
 * the server is told to end (and killed after five seconds: an API server that has lost its etcd would linger, and etcd's log survives
 * it). The word `kill` on the pipe skips the asking. It works wherever there is a POSIX shell, and the shell reaps the server, so
 * nothing depends on an init process.
 * `env -i`: etcd takes every ETCD_* variable of the caller as a flag.
 */
const guardian = `
exec 3<&0
env -i PATH="$PATH" HOME="\${HOME:-/}" TMPDIR="\${TMPDIR:-/tmp}" "$@" 3<&- </dev/null &
child=$!
{ read -r how <&3; [ "$how" = kill ] || { kill -TERM $child; sleep 5; }; kill -KILL $child; } 2>/dev/null &
exec 3<&-
wait $child
code=$?
trap '' TERM
kill -TERM 0
exit $code
`

/** Starts `command` in its own process group (Ctrl-C must not reach etcd before the API server has ended), its output in `logFile`. */
export async function supervise(o: { name: string; command: string; args: string[]; cwd: string; logFile: string }): Promise<Supervised> {
  const log = await open(o.logFile, 'w')
  const child = spawn('sh', ['-c', guardian, o.name, o.command, ...o.args], {
    cwd: o.cwd,
    detached: true,
    stdio: ['pipe', log.fd, log.fd],
  })
  const ended = new Promise<string>((resolve) => {
    child.on('error', (fault) => resolve(fault.message))
    child.on('exit', (code, signal) => resolve(signal ?? `code ${code}`))
  })
  child.stdin?.on('error', () => undefined)
  await log.close()
  return {
    name: o.name,
    ended,
    stop(how) {
      child.stdin?.end(how?.hard ? 'kill\n' : '')
      return ended
    },
  }
}

/** The last lines of a log that matter to a person, for an error message. */
export async function logTail(path: string, lines = 8): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

/** Whether somebody answers on a Unix socket. */
export const answers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })

/** Below the ports that the kernel gives to connections and to whoever asks for port 0 (32768 and above on Linux). */
const quietPorts = { from: 15_000, count: 15_000 }

/**
 * `wanted` if it is free on 127.0.0.1, else (or for 0) another one. Not one that the kernel gives: kube-apiserver takes seconds until
 * it listens, and meanwhile the kernel could give the port to another program.
 */
export async function freePort(wanted: number): Promise<number> {
  const asked = wanted === 0 ? undefined : await listenOnce(wanted)
  if (asked !== undefined) return asked
  for (let tries = 0; tries < 20; tries += 1) {
    const port = await listenOnce(quietPorts.from + randomInt(quietPorts.count))
    if (port !== undefined) return port
  }
  return (await listenOnce(0)) ?? wanted
}

const listenOnce = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined))
    })
  })
